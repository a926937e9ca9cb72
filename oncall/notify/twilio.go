package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // Twilio signs with HMAC-SHA1; there is no other signature to choose
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const twilioName = "Twilio"

// TwilioURL is Twilio's API where no other region is chosen.
const TwilioURL = "https://api.twilio.com"

// Twilio is an account there: text messages and calls are posts to it. The zero Twilio is none, and each send says so.
type Twilio struct {
	Client     *http.Client
	Now        func() time.Time
	URL        string // TwilioURL or a region's
	AccountSID string
	AuthToken  string
	From       string // the number from which to send and to call, E.164
	Service    string // a messaging service (MG…) that chooses the sender of text messages instead; may be empty
	Callbacks  string // the address below which Twilio's calls reach us; empty where they cannot
}

var phoneNumber = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// CheckNumber says whether an address is a telephone number as Twilio takes it (E.164).
func CheckNumber(address string) error {
	if !phoneNumber.MatchString(address) {
		return errors.New("is not a telephone number; write it with + and the country's code, without spaces, like +34600000001")
	}
	return nil
}

// Configured says which setting is missing.
func (t Twilio) Configured() error {
	for _, setting := range []struct{ name, value string }{
		{"AFTERHOURS_TWILIO_ACCOUNT_SID", t.AccountSID},
		{"AFTERHOURS_TWILIO_AUTH_TOKEN", t.AuthToken},
		{"AFTERHOURS_TWILIO_FROM", t.From + t.Service},
	} {
		if setting.value == "" {
			return fmt.Errorf("no account at Twilio is configured; set %s", setting.name)
		}
	}
	return nil
}

// Create posts a message or a call and returns its id. resource is "Messages" or "Calls".
func (t Twilio) Create(ctx context.Context, resource string, parameters url.Values) (id string, err error) {
	if err := t.Configured(); err != nil {
		return "", Permanent(err)
	}
	target := strings.TrimSuffix(t.URL, "/") + "/2010-04-01/Accounts/" + url.PathEscape(t.AccountSID) + "/" + resource + ".json"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(parameters.Encode()))
	if err != nil {
		return "", Permanent(errors.New("the address of Twilio's API cannot be requested; check AFTERHOURS_TWILIO_API_URL"))
	}
	request.SetBasicAuth(t.AccountSID, t.AuthToken)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("User-Agent", "afterhours")
	answer, err := Post(t.Client, request, t.Now)
	if err != nil {
		return "", twilioError(err)
	}
	var created struct {
		SID string `json:"sid"`
	}
	_ = json.Unmarshal(answer, &created) // an answer that is cut off is still an acceptance; it only lacks the id
	return created.SID, nil
}

// twilioFaults are the codes that say more than the HTTP status (twilio.com/docs/api/errors).
var twilioFaults = map[int]string{
	20003: "refused the credential; check AFTERHOURS_TWILIO_ACCOUNT_SID and AFTERHOURS_TWILIO_AUTH_TOKEN",
	20005: "says that the account is not active",
	21210: "does not know the sender's number as one of the account's; check AFTERHOURS_TWILIO_FROM",
	21211: "says that the number is not valid; correct the contact",
	21212: "says that the sender's number is not valid; check AFTERHOURS_TWILIO_FROM",
	21214: "says that the number cannot be reached; correct the contact",
	21215: "may not call that country; allow it in the account's geographic permissions",
	21217: "says that the number is not valid; correct the contact",
	21408: "may not write to that country; allow it in the account's geographic permissions",
	21606: "says that the sender's number cannot write to this one; check AFTERHOURS_TWILIO_FROM",
	21608: "is a trial account, which reaches verified numbers alone",
	21610: "says that the number has unsubscribed; let its owner write START to the sender's number",
	21612: "has no way from the sender's number to this one",
	21614: "says that the number is not a mobile one; correct the contact",
	30003: "could not reach the telephone: it is off or out of range",
	30004: "was blocked by the recipient or the carrier",
	30005: "says that the number is not known; correct the contact",
	30006: "says that the number is a landline or its carrier cannot be reached",
	30007: "had the message filtered by the carrier",
	30008: "could not deliver, for a reason that the carrier does not tell",
}

// TwilioFault is what an error code means, as the end of a sentence about Twilio.
func TwilioFault(code int) string {
	if known, ok := twilioFaults[code]; ok {
		return known
	}
	return fmt.Sprintf("answered with its error %d", code)
}

// twilioError tells by Twilio's own code what HTTP's status leaves open. A full queue is no refusal.
func twilioError(err error) error {
	var answer *AnswerError
	if !errors.As(err, &answer) {
		return err
	}
	var body struct {
		Code int `json:"code"`
	}
	if json.Unmarshal(answer.Body, &body) != nil || body.Code == 0 {
		return err
	}
	fault := fmt.Errorf("%s %s (%d)", twilioName, TwilioFault(body.Code), body.Code)
	switch {
	case body.Code == 21611 || body.Code == 20429 || body.Code == 14107 || !IsPermanent(err):
		if wait := Wait(err); wait > 0 {
			return RetryAfter(fault, wait)
		}
		return fault
	default:
		return Permanent(fault)
	}
}

// Signed says whether a call of ours is Twilio's: its signature covers the address that it called and every parameter
// (twilio.com/docs/usage/security). An account that is not configured has signed nothing.
func (t Twilio) Signed(address string, parameters url.Values, signature string) bool {
	given, err := base64.StdEncoding.DecodeString(signature)
	return err == nil && t.AuthToken != "" && hmac.Equal(given, t.sign(address, parameters))
}

// Sign is the signature that Twilio would write.
func (t Twilio) Sign(address string, parameters url.Values) string {
	return base64.StdEncoding.EncodeToString(t.sign(address, parameters))
}

func (t Twilio) sign(address string, parameters url.Values) []byte {
	mac := hmac.New(sha1.New, []byte(t.AuthToken))
	mac.Write([]byte(address))
	names := make([]string, 0, len(parameters))
	for name := range parameters {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		values := slices.Clone(parameters[name])
		slices.Sort(values)
		for _, value := range slices.Compact(values) {
			mac.Write([]byte(name + value))
		}
	}
	return mac.Sum(nil)
}
