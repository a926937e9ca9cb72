package main

import (
	"context"
	"time"

	"afterhours/oncall/oncalldb"
)

// checkGateways tells of gateways that run and are not well.
func checkGateways(ctx context.Context, store *oncalldb.Store, now time.Time) []verdict {
	gateways, err := store.Gateways(ctx)
	if err != nil {
		return []verdict{bad("check the database", "the gateways cannot be listed")}
	}
	var found []verdict
	running := 0
	for _, gateway := range gateways {
		if !gateway.Running(now) {
			continue
		}
		running++
		if gateway.Ailing != "" {
			found = append(found, bad("look into its log", "%s is not well: %s", gateway.Name, gateway.Ailing))
		}
	}
	switch {
	case running == 0:
		return []verdict{bad("start `afterhours serve`", "none has been seen of late")}
	case len(found) == 0:
		return []verdict{good("%d %s, all is well", running, plural(running, "runs", "run"))}
	}
	return found
}

// checkHeartbeat tells whether the outside address hears of us. It is not called: a call would say that all is well.
func checkHeartbeat(ctx context.Context, s settings, store *oncalldb.Store, now time.Time) verdict {
	if s.HeartbeatURL == "" {
		return warning("set "+variable("heartbeat-url")+" to a check elsewhere that tells of our silence", "nobody outside would learn that this machine is gone")
	}
	gateways, err := store.Gateways(ctx)
	if err != nil {
		return bad("check the database", "the gateways cannot be listed")
	}
	fault := "no gateway has called it yet"
	for _, gateway := range gateways {
		if gateway.HeartbeatAt != nil && now.Sub(*gateway.HeartbeatAt) < heartbeatStale {
			return good("the outside address answered at %s", gateway.HeartbeatAt.UTC().Format(time.RFC3339))
		}
		if gateway.HeartbeatFault != "" {
			fault = gateway.HeartbeatFault
		}
	}
	return bad("check "+variable("heartbeat-url")+" and that serve is well", "%s", fault)
}
