package main

import (
	"context"
	"errors"
	"strings"

	"afterhours/oncall/notify"
	"afterhours/tickets/defender"
	"afterhours/tickets/playbook"
)

// checkTenant asks for one alert of a tenant, as a poll does, and changes nothing.
func checkTenant(ctx context.Context, rooms *defenderRooms, tenant defender.Tenant, actions ...playbook.Action) verdict {
	ctx, cancel := context.WithTimeout(ctx, 4*checkTimeout)
	defer cancel()
	err := rooms.client.Check(ctx, tenant)
	var fault *defender.Fault
	switch {
	case err == nil:
		return checkPermissions(ctx, rooms, tenant, actions)
	case errors.Is(err, notify.ErrRefusedAddress):
		return bad("allow it with "+variable("allow-private-webhooks")+", or choose a public address", "%s: api_url or token_url is not a public address", tenant.ID)
	case errors.As(err, &fault):
		return bad(fault.Mend, "%s: %s", tenant.ID, fault.Says)
	}
	return bad("check the network and api_url", "%s cannot be polled: %s", tenant.ID, oneLine(err))
}

// checkPermissions finds what the application may not do that the tenant is configured for: a playbook must not learn it at
// night.
func checkPermissions(ctx context.Context, rooms *defenderRooms, tenant defender.Tenant, actions []playbook.Action) verdict {
	var asked []string
	for _, action := range actions {
		switch known, ok := paths[action]; {
		case ok:
			asked = append(asked, known.path)
		case action == playbook.TagDevice:
			asked = append(asked, "tags")
		}
	}
	faults, err := rooms.client.Missing(ctx, tenant, asked)
	if err != nil {
		return bad("try again", "%s: %s", tenant.ID, oneLine(err))
	}
	if len(faults) == 0 {
		return good("the API of %s can be polled, and every permission is there", tenant.ID)
	}
	var said []string
	for _, fault := range faults {
		said = append(said, fault.Says)
	}
	return bad(faults[0].Mend, "%s: %s", tenant.ID, strings.Join(said, "; "))
}
