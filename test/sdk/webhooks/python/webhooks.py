"""Reads webhooks and alerts with stripe-python. See ../../webhooks.test.ts for what goes in and out."""

import json
import os
import sys

import stripe

URL = os.environ["TAXIMETER_URL"]
RECEIVER = os.environ["RECEIVER_URL"]
client = stripe.StripeClient(
    os.environ["TAXIMETER_API_KEY"], base_addresses={"api": URL, "meter_events": URL}
)


def set_up():
    """Makes what is to be told of, and the destinations that are told, none of them with a version."""
    billing = client.v1.billing
    meter = billing.meters.create(
        {
            "display_name": "Of Python",
            "event_name": os.environ["EVENT_NAME"],
            "default_aggregation": {"formula": "sum"},
        }
    )
    made = billing.alerts.create(
        {
            "title": "A hundred",
            "alert_type": "usage_threshold",
            "usage_threshold": {"gte": 100, "meter": meter.id, "recurrence": "one_time"},
        }
    )
    found = billing.alerts.retrieve(os.environ["FRACTION_ALERT"])
    listed = [to_alert(each) for each in billing.alerts.list().auto_paging_iter()]
    endpoint = client.v1.webhook_endpoints.create(
        {"url": f"{RECEIVER}/snapshot", "enabled_events": ["*"]}
    )
    thin = client.v2.core.event_destinations.create(
        {
            "name": "Of Python",
            "type": "webhook_endpoint",
            "event_payload": "thin",
            "enabled_events": ["*"],
            "include": ["webhook_endpoint.signing_secret"],
            "webhook_endpoint": {"url": f"{RECEIVER}/thin"},
        }
    )
    # The first that the destinations are told of.
    told = billing.meters.update(meter.id, {"display_name": "Still of Python"})
    return {
        "meter": told.id,
        "alert": to_alert(made),
        "fraction": to_alert(found),
        "listed": listed,
        "sdk_version": stripe.api_version,
        "endpoint_version": endpoint.api_version,
        "snapshot_secret": endpoint.secret,
        "thin_secret": thin.webhook_endpoint.signing_secret,
    }


def read_snapshot(got):
    event = stripe.Webhook.construct_event(got["body"], got["signature"], got["secret"])
    told = event.data.object
    answer = {
        "type": event.type,
        "version": event.api_version,
        "fetched": client.v1.events.retrieve(event.id).api_version,
    }
    if event.type == "billing.alert.triggered":
        answer["value"] = told.value
        answer["alert"] = to_alert(told.alert)
        answer["meter"] = told.alert.usage_threshold.meter.id
    else:
        answer["meter"] = told.id
    return answer


def read_thin(got):
    notification = client.parse_event_notification(got["body"], got["signature"], got["secret"])
    answer = {"type": notification.type, "has_reason": notification.reason is not None}
    event = notification.fetch_event()
    if notification.type in (
        "v1.billing.meter.error_report_triggered",
        "v1.billing.meter.no_meter_found",
    ):
        answer["summary"] = event.data.developer_message_summary
    if getattr(notification, "related_object", None) is not None:
        answer["related"] = notification.fetch_related_object().id
    return answer


def to_alert(alert):
    return {"id": alert.id, "gte": alert.usage_threshold.gte}


print(json.dumps(set_up()), flush=True)
for line in sys.stdin:
    got = json.loads(line)
    read = read_thin if got["kind"] == "thin" else read_snapshot
    print(json.dumps(read(got)), flush=True)
