package main

import (
	"context"
	"errors"

	"afterhours/oncall/notify"
	"afterhours/tickets/defender"
)

// checkTenant asks for one alert of a tenant, as a poll does, and changes nothing.
func checkTenant(ctx context.Context, rooms *defenderRooms, tenant defender.Tenant) verdict {
	ctx, cancel := context.WithTimeout(ctx, 4*checkTimeout)
	defer cancel()
	err := rooms.client.Check(ctx, tenant)
	var fault *defender.Fault
	switch {
	case err == nil:
		return good("the API of %s can be polled", tenant.ID)
	case errors.Is(err, notify.ErrRefusedAddress):
		return bad("allow it with "+variable("allow-private-webhooks")+", or choose a public address", "%s: api_url or token_url is not a public address", tenant.ID)
	case errors.As(err, &fault):
		return bad(fault.Mend, "%s: %s", tenant.ID, fault.Says)
	}
	return bad("check the network and api_url", "%s cannot be polled: %s", tenant.ID, oneLine(err))
}
