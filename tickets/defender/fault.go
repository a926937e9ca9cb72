package defender

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"
)

// Fault is why Microsoft did not do what was asked, as a person needs it: what is wrong and where to mend it. It never
// holds a credential.
type Fault struct {
	Code  string // Microsoft's, like AADSTS7000222 or Forbidden
	Says  string // what is wrong
	Mend  string // what to do, with the portal's page; empty where waiting is all
	Again time.Time
	// Lasting says that it does not pass by itself: somebody must mend it.
	Lasting bool
	status  int
}

func (f *Fault) Error() string {
	if f.Mend == "" {
		return f.Says
	}
	return f.Says + "; " + f.Mend
}

// The pages of the portals that faults name.
const (
	registrations = "in the Entra admin center under App registrations > %s"
	secretsPage   = registrations + " > Certificates & secrets"
	permissions   = registrations + " > API permissions"
)

var aadCode = regexp.MustCompile(`AADSTS\d+`)

// tokenFault reads an error of the token endpoint.
func tokenFault(t Tenant, status int, description string) *Fault {
	code := aadCode.FindString(description)
	fault := &Fault{Code: code, Lasting: true, status: status}
	switch code {
	case "AADSTS7000222":
		fault.Says = "the client secret of the application " + t.ClientID + " has expired"
		fault.Mend = fmt.Sprintf("make a new one "+secretsPage+", and put it into the tenant %s", t.ClientID, t.ID)
	case "AADSTS7000215":
		fault.Says = "the client secret is not one of the application " + t.ClientID
		fault.Mend = fmt.Sprintf("copy the secret's value (not its id) from "+secretsPage[3:]+", and put it into the tenant %s", t.ClientID, t.ID)
	case "AADSTS90002", "AADSTS900023", "AADSTS900021":
		fault.Says = "there is no tenant " + t.TenantID
		fault.Mend = "copy the tenant id from the Entra admin center under Overview, and put it into tenant_id of " + t.ID
	case "AADSTS700016":
		fault.Says = "the application " + t.ClientID + " is not known in the tenant " + t.TenantID
		fault.Mend = "copy the application (client) id from the Entra admin center under App registrations, or give admin consent in that tenant"
	case "AADSTS65001", "AADSTS650056", "AADSTS650052":
		fault.Says = "an administrator has not consented to the application " + t.ClientID
		fault.Mend = fmt.Sprintf("press Grant admin consent "+permissions, t.ClientID)
	case "AADSTS7000112":
		fault.Says = "the application " + t.ClientID + " is disabled"
		fault.Mend = "enable it in the Entra admin center under Enterprise applications > Properties"
	default:
		fault.Lasting = status >= 400 && status < 500 && status != http.StatusTooManyRequests
		fault.Says = fmt.Sprintf("the token endpoint answered %d", status)
		if code != "" {
			fault.Says += " (" + code + ")"
		}
		if fault.Lasting {
			fault.Mend = fmt.Sprintf("compare tenant_id, client_id and token_url of %s with the Entra admin center", t.ID)
		}
	}
	return fault
}

// roleOf are the application permissions that a request needs, with the API that they are listed under.
func roleOf(of service, method, path string) string {
	switch {
	case of == graphAPI && method != http.MethodGet:
		return "Microsoft Graph > SecurityAlert.ReadWrite.All"
	case of == graphAPI:
		return "Microsoft Graph > SecurityAlert.Read.All"
	case of == xdrAPI:
		return "Microsoft Threat Protection > Incident.Read.All"
	case method == http.MethodPatch:
		return "WindowsDefenderATP > Alert.ReadWrite.All"
	case regexp.MustCompile(`/(un)?isolate$`).MatchString(path):
		return "WindowsDefenderATP > Machine.Isolate"
	case regexp.MustCompile(`/runAntiVirusScan$`).MatchString(path):
		return "WindowsDefenderATP > Machine.Scan"
	case regexp.MustCompile(`/(un)?restrictCodeExecution$`).MatchString(path):
		return "WindowsDefenderATP > Machine.RestrictExecution"
	case regexp.MustCompile(`/collectInvestigationPackage$`).MatchString(path):
		return "WindowsDefenderATP > Machine.CollectForensics"
	case regexp.MustCompile(`/tags$`).MatchString(path):
		return "WindowsDefenderATP > Machine.ReadWrite.All"
	case regexp.MustCompile(`^/api/machine`).MatchString(path):
		return "WindowsDefenderATP > Machine.Read.All"
	}
	return "WindowsDefenderATP > Alert.Read.All"
}

// apiFault reads an error of an API.
func apiFault(t Tenant, of service, method, path string, status int, code, message string) *Fault {
	fault := &Fault{Code: code, status: status}
	switch status {
	case http.StatusUnauthorized:
		fault.Lasting = true
		fault.Says = "Defender does not take the token of the application " + t.ClientID
		fault.Mend = fmt.Sprintf("check that api_url of %s belongs to the tenant's cloud, and the permissions "+permissions, t.ID, t.ClientID)
	case http.StatusForbidden:
		refused := missing(t, roleOf(of, method, path))
		fault.Lasting, fault.Says, fault.Mend = true, refused.Says, refused.Mend
	case http.StatusNotFound:
		fault.Says = "Defender does not know it"
		if message != "" {
			fault.Says = "Defender says: " + message
		}
	default:
		fault.Says = fmt.Sprintf("Defender answered %d", status)
		if code != "" {
			fault.Says += " " + code
		}
		if message != "" && status < 500 {
			fault.Says += ": " + message
		}
	}
	return fault
}

// cause names a fault among those that people are told of once each.
func (f *Fault) cause() string {
	if f.Code != "" {
		return f.Code
	}
	return fmt.Sprint(f.status)
}

// Refused says whether Microsoft has looked at a request and will not do it.
func (f *Fault) Refused() bool {
	return f.status >= 400 && f.status < 500 && f.status != http.StatusTooManyRequests && f.status != http.StatusRequestTimeout
}

// isStatus says whether an error is an answer of a status.
func isStatus(err error, status int) bool {
	var fault *Fault
	return errors.As(err, &fault) && fault.status == status
}
