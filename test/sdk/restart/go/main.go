// Sends meter events with the official SDK, from many goroutines at once, until its standard input ends. It says how many were
// acknowledged as it goes on, and in the end, as JSON, what became of all of them. An event is never sent again by
// this program: what a restart does to a call is for the SDK alone to ride out.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stripe/stripe-go/v85"
)

const (
	clients = 8
	// Half a second before the first, five before the later ones: no start on a slow machine outlasts them.
	retries = 20
)

type outcome struct {
	Acknowledged int64          `json:"acknowledged"`
	Failed       map[string]int `json:"failed"`
}

// describe leaves out the id of the request, so that what is the same counts as one.
func describe(err error) string {
	var refusal *stripe.Error
	if errors.As(err, &refusal) {
		return fmt.Sprintf("%d %s", refusal.HTTPStatusCode, refusal.Msg)
	}
	return err.Error()
}

func main() {
	url, key, eventName, timestamp := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	at, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		panic(err)
	}
	// The calls that fail are counted below. Of its retries the SDK is to say nothing.
	backends := stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL:               stripe.String(url),
		MaxNetworkRetries: stripe.Int64(retries),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	client := stripe.NewClient(key, stripe.WithBackends(backends))

	var isOver atomic.Bool
	go func() {
		io.Copy(io.Discard, os.Stdin)
		isOver.Store(true)
	}()

	var acknowledged atomic.Int64
	go func() {
		for range time.Tick(20 * time.Millisecond) {
			fmt.Println(acknowledged.Load())
		}
	}()

	var lock sync.Mutex
	failed := map[string]int{}
	var wait sync.WaitGroup
	for lane := range clients {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for number := 0; !isOver.Load(); number++ {
				params := &stripe.BillingMeterEventCreateParams{
					EventName: stripe.String(eventName),
					Payload:   map[string]string{"stripe_customer_id": "c", "value": "1"},
					Timestamp: stripe.Int64(at),
				}
				// The others have nothing but the SDK's own Idempotency-Key.
				if number%2 == 0 {
					params.Identifier = stripe.String(fmt.Sprintf("lane_%d_%d", lane, number))
				}
				if _, err := client.V1BillingMeterEvents.Create(context.TODO(), params); err != nil {
					lock.Lock()
					failed[describe(err)]++
					lock.Unlock()
				} else {
					acknowledged.Add(1)
				}
			}
		}()
	}
	wait.Wait()
	text, err := json.Marshal(outcome{acknowledged.Load(), failed})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}
