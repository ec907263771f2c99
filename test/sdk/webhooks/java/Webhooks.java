import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.stripe.Stripe;
import com.stripe.StripeClient;
import com.stripe.events.UnknownEventNotification;
import com.stripe.events.V1BillingMeterErrorReportTriggeredEventNotification;
import com.stripe.events.V1BillingMeterNoMeterFoundEventNotification;
import com.stripe.model.Event;
import com.stripe.model.StripeObject;
import com.stripe.model.billing.Alert;
import com.stripe.model.billing.AlertTriggered;
import com.stripe.model.billing.Meter;
import com.stripe.model.v2.core.EventNotification;
import com.stripe.net.Webhook;
import com.stripe.param.WebhookEndpointCreateParams;
import com.stripe.param.billing.AlertCreateParams;
import com.stripe.param.billing.AlertListParams;
import com.stripe.param.billing.MeterCreateParams;
import com.stripe.param.billing.MeterUpdateParams;
import com.stripe.param.v2.core.EventDestinationCreateParams;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads webhooks and alerts with stripe-java. See ../../webhooks.test.ts for what goes in and out. */
public final class Webhooks {
  private static final Gson GSON = new GsonBuilder().serializeNulls().create();
  private static final StripeClient CLIENT =
      StripeClient.builder()
          .setApiKey(System.getenv("TAXIMETER_API_KEY"))
          .setApiBase(System.getenv("TAXIMETER_URL"))
          .build();

  private Webhooks() {}

  public static void main(String[] args) throws Exception {
    System.out.println(GSON.toJson(setUp()));
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      System.out.println(GSON.toJson(read(GSON.fromJson(line, JsonObject.class))));
    }
  }

  /** Makes what is to be told of, and the destinations that are told, none of them with a version. */
  private static Map<String, Object> setUp() throws Exception {
    Meter meter =
        CLIENT.v1().billing().meters()
            .create(
                MeterCreateParams.builder()
                    .setDisplayName("Of Java")
                    .setEventName(System.getenv("EVENT_NAME"))
                    .setDefaultAggregation(
                        MeterCreateParams.DefaultAggregation.builder()
                            .setFormula(MeterCreateParams.DefaultAggregation.Formula.SUM)
                            .build())
                    .build());
    Alert made =
        CLIENT.v1().billing().alerts()
            .create(
                AlertCreateParams.builder()
                    .setTitle("A hundred")
                    .setAlertType(AlertCreateParams.AlertType.USAGE_THRESHOLD)
                    .setUsageThreshold(
                        AlertCreateParams.UsageThreshold.builder()
                            .setGte(100L)
                            .setMeter(meter.getId())
                            .setRecurrence(AlertCreateParams.UsageThreshold.Recurrence.ONE_TIME)
                            .build())
                    .build());
    Alert found = CLIENT.v1().billing().alerts().retrieve(System.getenv("FRACTION_ALERT"));
    List<Object> listed = new ArrayList<>();
    for (Alert each :
        CLIENT.v1().billing().alerts().list(AlertListParams.builder().build()).autoPagingIterable()) {
      listed.add(toMap(each));
    }
    String receiver = System.getenv("RECEIVER_URL");
    var endpoint =
        CLIENT.v1().webhookEndpoints()
            .create(
                WebhookEndpointCreateParams.builder()
                    .setUrl(receiver + "/snapshot")
                    .addEnabledEvent(WebhookEndpointCreateParams.EnabledEvent.ALL)
                    .build());
    var thin =
        CLIENT.v2().core().eventDestinations()
            .create(
                EventDestinationCreateParams.builder()
                    .setName("Of Java")
                    .setType(EventDestinationCreateParams.Type.WEBHOOK_ENDPOINT)
                    .setEventPayload(EventDestinationCreateParams.EventPayload.THIN)
                    .addEnabledEvent("*")
                    .addInclude(
                        EventDestinationCreateParams.Include.WEBHOOK_ENDPOINT__SIGNING_SECRET)
                    .setWebhookEndpoint(
                        EventDestinationCreateParams.WebhookEndpoint.builder()
                            .setUrl(receiver + "/thin")
                            .build())
                    .build());
    // The first that the destinations are told of.
    MeterUpdateParams renamed =
        MeterUpdateParams.builder().setDisplayName("Still of Java").build();
    Meter told = CLIENT.v1().billing().meters().update(meter.getId(), renamed);
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("meter", told.getId());
    answer.put("alert", toMap(made));
    answer.put("fraction", toMap(found));
    answer.put("listed", listed);
    answer.put("sdk_version", Stripe.API_VERSION);
    answer.put("endpoint_version", endpoint.getApiVersion());
    answer.put("snapshot_secret", endpoint.getSecret());
    answer.put("thin_secret", thin.getWebhookEndpoint().getSigningSecret());
    return answer;
  }

  private static Map<String, Object> read(JsonObject got) throws Exception {
    String body = got.get("body").getAsString();
    String signature = got.get("signature").getAsString();
    String secret = got.get("secret").getAsString();
    return got.get("kind").getAsString().equals("thin")
        ? readThin(CLIENT.parseEventNotification(body, signature, secret))
        : readSnapshot(Webhook.constructEvent(body, signature, secret));
  }

  private static Map<String, Object> readSnapshot(Event event) throws Exception {
    StripeObject object = event.getDataObjectDeserializer().getObject().orElse(null);
    if (object == null) return Map.of("error", "no object of " + event.getApiVersion());
    Event fetched = CLIENT.v1().events().retrieve(event.getId());
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("type", event.getType());
    answer.put("version", event.getApiVersion());
    boolean isRead = fetched.getDataObjectDeserializer().getObject().isPresent();
    answer.put("fetched", isRead ? fetched.getApiVersion() : null);
    if (object instanceof AlertTriggered) {
      AlertTriggered triggered = (AlertTriggered) object;
      answer.put("value", triggered.getValue());
      answer.put("alert", toMap(triggered.getAlert()));
      answer.put("meter", triggered.getAlert().getUsageThreshold().getMeterObject().getId());
    } else {
      answer.put("meter", ((Meter) object).getId());
    }
    return answer;
  }

  private static Map<String, Object> readThin(EventNotification notification) throws Exception {
    Map<String, Object> answer = new LinkedHashMap<>();
    answer.put("type", notification.getType());
    answer.put("has_reason", notification.getReason() != null);
    if (notification instanceof V1BillingMeterErrorReportTriggeredEventNotification) {
      var report = (V1BillingMeterErrorReportTriggeredEventNotification) notification;
      answer.put("summary", report.fetchEvent().getData().getDeveloperMessageSummary());
      answer.put("related", report.fetchRelatedObject().getId());
    } else if (notification instanceof V1BillingMeterNoMeterFoundEventNotification) {
      var report = (V1BillingMeterNoMeterFoundEventNotification) notification;
      answer.put("summary", report.fetchEvent().getData().getDeveloperMessageSummary());
    } else {
      UnknownEventNotification unknown = (UnknownEventNotification) notification;
      unknown.fetchEvent();
      unknown.fetchRelatedObject();
      answer.put("related", unknown.getRelatedObject().getId());
    }
    return answer;
  }

  private static Map<String, Object> toMap(Alert alert) {
    return Map.of("id", alert.getId(), "gte", alert.getUsageThreshold().getGte());
  }
}
