package tickets

import (
	"slices"
	"time"
)

// Kind is the family of a notification.
type Kind string

// The families that are told apart; everything else is KindUnrecognised.
const (
	KindAlert           Kind = "alert"
	KindIncident        Kind = "incident"
	KindVulnerability   Kind = "vulnerability"
	KindThreatAnalytics Kind = "threat_analytics"
	KindResponseAction  Kind = "response_action"
	KindDigest          Kind = "digest"
	KindTest            Kind = "test"
	KindUnrecognised    Kind = "unrecognised"
	KindManual          Kind = "manual" // made by afterhours itself or by a person, not read from a notification
)

// Action says whether a notification opens, changes or closes its matter.
type Action string

// The actions of a notification.
const (
	ActionNew      Action = "new"
	ActionUpdated  Action = "updated"
	ActionResolved Action = "resolved"
)

// Product is the Microsoft product that raised an alert.
type Product string

// The products, as told by the alert id's prefix or by the family of the mail.
const (
	ProductEndpoint  Product = "endpoint"
	ProductXDR       Product = "xdr"
	ProductOffice365 Product = "office365"
	ProductCloud     Product = "cloud"
	ProductIdentity  Product = "identity"
	ProductCloudApps Product = "cloud_apps"
	ProductEntra     Product = "entra"
	ProductPurview   Product = "purview"
	ProductSentinel  Product = "sentinel"
	ProductUnknown   Product = "unknown"
)

// Products are all products that are known.
var Products = [...]Product{
	ProductEndpoint, ProductXDR, ProductOffice365, ProductCloud, ProductIdentity, ProductCloudApps, ProductEntra, ProductPurview,
	ProductSentinel, ProductUnknown,
}

// Valid says whether p is one of Products.
func (p Product) Valid() bool { return slices.Contains(Products[:], p) }

// Provenance is what a mail claims to be; whether the claim is authenticated is the intake's to say.
type Provenance string

// The claims of a mail about its origin.
const (
	ProvenanceMicrosoft Provenance = "microsoft" // header From is exactly one of Microsoft's senders
	ProvenanceForwarded Provenance = "forwarded"
	ProvenanceOther     Provenance = "other"
)

// Link is one address in a Microsoft portal, unwrapped of every click tracker.
type Link struct {
	Rel string `json:"rel"` // alert, incident, device, report or portal
	URL string `json:"url"`
}

// The relations of a link.
const (
	RelAlert    = "alert"
	RelIncident = "incident"
	RelDevice   = "device"
	RelReport   = "report"
	RelPortal   = "portal"
)

// Alert is what one notification says: the output of the parser and, later, of the API's poller. Every string is
// valid UTF-8 without control characters apart from line feeds in Description and Text. Its JSON form is the output
// of `afterhours parse`, in which every key is always present.
type Alert struct {
	Kind            Kind         `json:"kind"`
	Action          Action       `json:"action"`
	Product         Product      `json:"product"`
	Severity        Severity     `json:"severity"`
	Title           string       `json:"title"`
	Description     string       `json:"description"`
	Category        string       `json:"category"`
	DetectionSource string       `json:"detection_source"`
	Status          string       `json:"status"`
	Organisation    string       `json:"organisation"`
	TenantID        string       `json:"tenant_id"`
	Provenance      Provenance   `json:"provenance"`
	IncidentID      string       `json:"incident_id"`
	AlertIDs        []string     `json:"alert_ids"`
	Devices         []string     `json:"devices"`
	Users           []string     `json:"users"`
	Files           []string     `json:"files"`
	DetectedAt      Instant      `json:"detected_at"`
	Links           []Link       `json:"links"`
	Message         MessageInfo  `json:"message"`
	Language        string       `json:"language"`
	Text            string       `json:"text"`
	Attachments     []Attachment `json:"attachments"`
	Warnings        []string     `json:"warnings"` // "machine-readable-code: human text"

	// MergedIncidentIDs are the incidents that a merge ended; the one that lives on is IncidentID.
	MergedIncidentIDs []string `json:"merged_incident_ids"`
	// Tracking holds the platform's GUIDs of the mail, found in its tracking links: they survive a forward.
	Tracking []string `json:"tracking"`
}

// MessageInfo is what the mail's header says.
type MessageInfo struct {
	MessageID     string   `json:"message_id"` // without angle brackets
	Subject       string   `json:"subject"`
	From          string   `json:"from"` // bare address of the outer sender
	To            []string `json:"to"`
	Date          Instant  `json:"date"`
	Forwarded     bool     `json:"forwarded"`
	AutoSubmitted bool     `json:"auto_submitted"` // an auto-reply or a bounce: it pages nobody
}

// Attachment names one attached file; its content stays in the raw mail. Size is in decoded bytes.
type Attachment struct {
	Filename    string `json:"filename"`
	ContentType string `json:"content_type"`
	Size        int    `json:"size"`
}

// Instant is a time that may be absent: RFC 3339 in UTC, or an empty string.
type Instant struct{ time.Time }

// MarshalText writes RFC 3339 in UTC with seconds, or nothing for the zero time.
func (i Instant) MarshalText() ([]byte, error) {
	if i.IsZero() {
		return []byte{}, nil
	}
	return []byte(i.UTC().Format(time.RFC3339)), nil
}

// MarshalJSON hides time.Time's own JSON form behind MarshalText.
func (i Instant) MarshalJSON() ([]byte, error) {
	if i.IsZero() {
		return []byte(`""`), nil
	}
	return []byte(`"` + i.UTC().Format(time.RFC3339) + `"`), nil
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (i *Instant) UnmarshalJSON(text []byte) error {
	if string(text) == `""` || string(text) == "null" {
		*i = Instant{}
		return nil
	}
	return i.Time.UnmarshalJSON(text)
}
