package main

import "net/url"

// defenderSettings name one tenant; more stand in the configuration.
type defenderSettings struct {
	DefenderTenantID     string `name:"defender-tenant-id" placeholder:"GUID" help:"Poll the Defender API of this directory; more tenants stand in the configuration."`
	DefenderClientID     string `name:"defender-client-id" placeholder:"GUID" help:"The application that may read it."`
	DefenderClientSecret string `name:"defender-client-secret" placeholder:"SECRET" help:"Its client secret."`
	DefenderAPIURL       string `name:"defender-api-url" placeholder:"URL" help:"Host of the API without /api; default: Microsoft's."`
	DefenderTokenURL     string `name:"defender-token-url" placeholder:"URL" help:"Token endpoint; default: Microsoft's."`
}

func (s defenderSettings) validate(allowPrivate bool) error {
	given := 0
	for _, value := range []string{s.DefenderTenantID, s.DefenderClientID, s.DefenderClientSecret} {
		if value != "" {
			given++
		}
	}
	if given != 0 && given != 3 {
		return invalid("defender-tenant-id", "goes together with %s and %s: give all three", variable("defender-client-id"), variable("defender-client-secret"))
	}
	for _, address := range []struct{ name, value string }{{"defender-api-url", s.DefenderAPIURL}, {"defender-token-url", s.DefenderTokenURL}} {
		if address.value == "" {
			continue
		}
		base, err := url.Parse(address.value)
		if err != nil || base.Host == "" || base.Scheme != "https" && (!allowPrivate || base.Scheme != "http") {
			return invalid(address.name, "is not an https URL")
		}
	}
	return nil
}
