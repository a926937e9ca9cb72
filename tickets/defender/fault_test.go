package defender

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

var contoso = Tenant{ID: "contoso", TenantID: "0a1b2c3d-1111-4222-8333-444455556666", ClientID: "the-app", ClientSecret: "a~secret"}

// TestAFaultSaysWhatIsWrongAndWhichPageMendsIt reads the descriptions as Microsoft writes them.
func TestAFaultSaysWhatIsWrongAndWhichPageMendsIt(t *testing.T) {
	t.Parallel()
	const registration = "Entra admin center under App registrations > the-app > "
	for description, want := range map[string]struct {
		code, says, mend string
	}{
		"AADSTS7000222: The provided client secret keys for app 'the-app' are expired. Trace ID: 1": {
			"AADSTS7000222", "the client secret of the application the-app has expired", registration + "Certificates & secrets",
		},
		"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value": {
			"AADSTS7000215", "the client secret is not one of the application the-app", registration + "Certificates & secrets",
		},
		"AADSTS90002: Tenant '0a1b' not found.": {
			"AADSTS90002", "there is no tenant 0a1b2c3d-1111-4222-8333-444455556666", "Entra admin center under Overview",
		},
		"AADSTS900023: Specified tenant identifier 'x' is neither a valid DNS name, nor a valid external domain.": {
			"AADSTS900023", "there is no tenant", "Entra admin center under Overview",
		},
		"AADSTS700016: Application with identifier 'the-app' was not found in the directory 'Contoso'.": {
			"AADSTS700016", "the application the-app is not known in the tenant", "Entra admin center under App registrations",
		},
		"AADSTS65001: The user or administrator has not consented to use the application with ID 'the-app'": {
			"AADSTS65001", "an administrator has not consented to the application the-app", "Grant admin consent in the " + registration + "API permissions",
		},
		"AADSTS7000112: Application 'the-app' is disabled.": {
			"AADSTS7000112", "the application the-app is disabled", "Enterprise applications > Properties",
		},
		"AADSTS999999: Something that nobody knows yet.": {
			"AADSTS999999", "the token endpoint answered 401 (AADSTS999999)", "compare tenant_id, client_id and token_url of contoso",
		},
		"": {"", "the token endpoint answered 401", "compare tenant_id, client_id and token_url of contoso"},
	} {
		fault := tokenFault(contoso, http.StatusUnauthorized, description)
		if fault.Code != want.code || !strings.Contains(fault.Says, want.says) || !strings.Contains(fault.Mend, want.mend) || !fault.Lasting {
			t.Errorf("%q: got %+v, want %q and %q", description, fault, want.says, want.mend)
		}
		if strings.Contains(fault.Error(), "a~secret") || strings.Contains(fault.Error(), "Trace ID") {
			t.Errorf("%q: it shows too much: %s", description, fault)
		}
	}
	for _, status := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable} {
		if fault := tokenFault(contoso, status, ""); fault.Lasting || fault.Mend != "" {
			t.Errorf("%d: got %+v, want that it passes by itself", status, fault)
		}
	}
}

// TestAMissingPermissionIsNamedWithItsAPI says for each request which permission it needs.
func TestAMissingPermissionIsNamedWithItsAPI(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of                 service
		method, path, want string
	}{
		{endpointAPI, http.MethodGet, "/api/alerts", "WindowsDefenderATP > Alert.Read.All"},
		{endpointAPI, http.MethodPatch, "/api/alerts/da1_1", "WindowsDefenderATP > Alert.ReadWrite.All"},
		{endpointAPI, http.MethodGet, "/api/machines/1", "WindowsDefenderATP > Machine.Read.All"},
		{endpointAPI, http.MethodGet, "/api/machineactions/1", "WindowsDefenderATP > Machine.Read.All"},
		{endpointAPI, http.MethodPost, "/api/machines/1/isolate", "WindowsDefenderATP > Machine.Isolate"},
		{endpointAPI, http.MethodPost, "/api/machines/1/unisolate", "WindowsDefenderATP > Machine.Isolate"},
		{endpointAPI, http.MethodPost, "/api/machines/1/runAntiVirusScan", "WindowsDefenderATP > Machine.Scan"},
		{endpointAPI, http.MethodPost, "/api/machines/1/restrictCodeExecution", "WindowsDefenderATP > Machine.RestrictExecution"},
		{endpointAPI, http.MethodPost, "/api/machines/1/unrestrictCodeExecution", "WindowsDefenderATP > Machine.RestrictExecution"},
		{endpointAPI, http.MethodPost, "/api/machines/1/collectInvestigationPackage", "WindowsDefenderATP > Machine.CollectForensics"},
		{endpointAPI, http.MethodPost, "/api/machines/1/tags", "WindowsDefenderATP > Machine.ReadWrite.All"},
		{xdrAPI, http.MethodGet, "/api/incidents", "Microsoft Threat Protection > Incident.Read.All"},
		{graphAPI, http.MethodGet, "/v1.0/security/alerts_v2", "Microsoft Graph > SecurityAlert.Read.All"},
		{graphAPI, http.MethodPatch, "/v1.0/security/alerts_v2/1", "Microsoft Graph > SecurityAlert.ReadWrite.All"},
	} {
		fault := apiFault(contoso, c.of, c.method, c.path, http.StatusForbidden, "Forbidden", "no")
		if !strings.Contains(fault.Says, c.want+" is missing or not consented to") || !strings.Contains(fault.Mend, "API permissions") || !fault.Lasting {
			t.Errorf("%s %s: got %s", c.method, c.path, fault)
		}
	}
}

func TestOnlyWhatMicrosoftLookedAtIsRefused(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{400: true, 403: true, 404: true, 408: false, 429: false, 500: false, 503: false} {
		fault := apiFault(contoso, endpointAPI, http.MethodPost, "/api/machines/1/isolate", status, "", "")
		if fault.Refused() != want {
			t.Errorf("%d: got refused %t", status, fault.Refused())
		}
	}
}

func TestATenantNeedsWhatItIsConfiguredFor(t *testing.T) {
	t.Parallel()
	writing, graph := contoso, contoso
	writing.WriteBack, graph.Source = true, SourceGraph
	for name, c := range map[string]struct {
		tenant  Tenant
		actions []string
		want    string
	}{
		"polls":                {contoso, nil, "Alert.Read.All Incident.Read.All"},
		"what is written back": {writing, nil, "Alert.Read.All Incident.Read.All Alert.ReadWrite.All"},
		"Graph":                {graph, nil, "SecurityAlert.Read.All"},
		"actions":              {contoso, []string{"isolate", "tags", "isolate"}, "Alert.Read.All Incident.Read.All Machine.Read.All Machine.Isolate Machine.ReadWrite.All"},
	} {
		var got []string
		for _, one := range needed(c.tenant, c.actions) {
			got = append(got, one.role())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", name, got, c.want)
		}
	}
}

func TestATokenTellsItsRolesOrNothing(t *testing.T) {
	t.Parallel()
	claims := func(text string) string { return "e30." + base64.RawURLEncoding.EncodeToString([]byte(text)) + ".x" }
	for token, want := range map[string]string{
		claims(`{"roles":["Alert.Read.All","Machine.Isolate"],"exp":1}`): "Alert.Read.All Machine.Isolate true",
		claims(`{"exp":1}`):     " true", // nothing is consented to
		claims(`{"roles":"x"}`): " false",
		"opaque":                " false",
		"a.!!.c":                " false",
	} {
		roles, ok := rolesOf(token)
		if got := fmt.Sprint(strings.Join(roles, " "), " ", ok); got != want {
			t.Errorf("%s: got %q, want %q", token, got, want)
		}
	}
}
