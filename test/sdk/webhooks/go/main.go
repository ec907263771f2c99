// Reads webhooks and alerts with stripe-go, as a Go program does. See ../../webhooks.test.ts for what goes in and out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"

	stripe "github.com/stripe/stripe-go/v85"
)

type delivery struct {
	Kind      string `json:"kind"`
	Body      string `json:"body"`
	Signature string `json:"signature"`
	Secret    string `json:"secret"`
}

type alert struct {
	ID  string `json:"id"`
	GTE int64  `json:"gte"`
}

var (
	ctx    = context.Background()
	client = newClient()
)

func newClient() *stripe.Client {
	url := stripe.String(os.Getenv("TAXIMETER_URL"))
	backends := stripe.NewBackendsWithConfig(&stripe.BackendConfig{URL: url})
	return stripe.NewClient(os.Getenv("TAXIMETER_API_KEY"), stripe.WithBackends(backends))
}

func main() {
	print(setUp())
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var got delivery
		must(0, json.Unmarshal(lines.Bytes(), &got))
		read := readSnapshot
		if got.Kind == "thin" {
			read = readThin
		}
		answer, err := read(got)
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		print(answer)
	}
}

// Makes what is to be told of, and the destinations that are told, none of them with a version.
func setUp() map[string]any {
	meter := must(client.V1BillingMeters.Create(ctx, &stripe.BillingMeterCreateParams{
		DisplayName:        stripe.String("Of Go"),
		EventName:          stripe.String(os.Getenv("EVENT_NAME")),
		DefaultAggregation: &stripe.BillingMeterCreateDefaultAggregationParams{Formula: stripe.String("sum")},
	}))
	made := must(client.V1BillingAlerts.Create(ctx, &stripe.BillingAlertCreateParams{
		Title:     stripe.String("A hundred"),
		AlertType: stripe.String("usage_threshold"),
		UsageThreshold: &stripe.BillingAlertCreateUsageThresholdParams{
			GTE:        stripe.Int64(100),
			Meter:      &meter.ID,
			Recurrence: stripe.String("one_time"),
		},
	}))
	found := must(client.V1BillingAlerts.Retrieve(ctx, os.Getenv("FRACTION_ALERT"), nil))
	listed := []alert{}
	for each, err := range client.V1BillingAlerts.List(ctx, &stripe.BillingAlertListParams{}).All(ctx) {
		listed = append(listed, toAlert(must(each, err)))
	}
	endpoint := must(client.V1WebhookEndpoints.Create(ctx, &stripe.WebhookEndpointCreateParams{
		URL:           stripe.String(os.Getenv("RECEIVER_URL") + "/snapshot"),
		EnabledEvents: stripe.StringSlice([]string{"*"}),
	}))
	thin := must(client.V2CoreEventDestinations.Create(ctx, &stripe.V2CoreEventDestinationCreateParams{
		Name:          stripe.String("Of Go"),
		Type:          stripe.String("webhook_endpoint"),
		EventPayload:  stripe.String("thin"),
		EnabledEvents: stripe.StringSlice([]string{"*"}),
		Include:       stripe.StringSlice([]string{"webhook_endpoint.signing_secret"}),
		WebhookEndpoint: &stripe.V2CoreEventDestinationCreateWebhookEndpointParams{
			URL: stripe.String(os.Getenv("RECEIVER_URL") + "/thin"),
		},
	}))
	// The first that the destinations are told of.
	told := must(client.V1BillingMeters.Update(ctx, meter.ID, &stripe.BillingMeterUpdateParams{
		DisplayName: stripe.String("Still of Go"),
	}))
	return map[string]any{
		"meter": told.ID, "alert": toAlert(made), "fraction": toAlert(found), "listed": listed,
		"sdk_version": stripe.APIVersion, "endpoint_version": endpoint.APIVersion,
		"snapshot_secret": endpoint.Secret, "thin_secret": thin.WebhookEndpoint.SigningSecret,
	}
}

func readSnapshot(got delivery) (map[string]any, error) {
	event, err := client.ConstructEvent([]byte(got.Body), got.Signature, got.Secret)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{"type": string(event.Type), "version": event.APIVersion}
	fetched := must(client.V1Events.Retrieve(ctx, event.ID, nil))
	answer["fetched"] = fetched.APIVersion
	if event.Type == "billing.alert.triggered" {
		var triggered stripe.BillingAlertTriggered
		if err := json.Unmarshal(event.Data.Raw, &triggered); err != nil {
			return nil, err
		}
		answer["value"], answer["alert"] = triggered.Value, toAlert(triggered.Alert)
		answer["meter"] = triggered.Alert.UsageThreshold.Meter.ID
		return answer, nil
	}
	var meter stripe.BillingMeter
	if err := json.Unmarshal(event.Data.Raw, &meter); err != nil {
		return nil, err
	}
	answer["meter"] = meter.ID
	return answer, nil
}

func readThin(got delivery) (map[string]any, error) {
	container, err := client.ParseEventNotification([]byte(got.Body), got.Signature, got.Secret)
	if err != nil {
		return nil, err
	}
	head := container.GetEventNotification()
	answer := map[string]any{"type": head.Type, "has_reason": head.Reason != nil}
	switch notification := container.(type) {
	case *stripe.V1BillingMeterErrorReportTriggeredEventNotification:
		event := must(notification.FetchEvent(ctx))
		answer["summary"] = event.Data.DeveloperMessageSummary
		answer["related"] = must(notification.FetchRelatedObject(ctx)).ID
	case *stripe.V1BillingMeterNoMeterFoundEventNotification:
		answer["summary"] = must(notification.FetchEvent(ctx)).Data.DeveloperMessageSummary
	case *stripe.UnknownEventNotification:
		event := must(notification.FetchEvent(ctx)).(*stripe.V2CoreRawEvent)
		must(notification.FetchRelatedObject(ctx))
		answer["related"] = event.RelatedObject.ID
	default:
		return nil, fmt.Errorf("read as %T", notification)
	}
	return answer, nil
}

func toAlert(one *stripe.BillingAlert) alert {
	return alert{ID: one.ID, GTE: one.UsageThreshold.GTE}
}

func print(answer map[string]any) {
	fmt.Println(string(must(json.Marshal(answer))))
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
