package defender

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds of a request.
const (
	requestTimeout = 60 * time.Second
	maxAnswer      = 64 << 20 // octets
	maxErrorBody   = 64 << 10
	maxAttempts    = 5
	firstRetry     = 500 * time.Millisecond
	longestWait    = 2 * time.Minute // within one call; longer waits are the caller's
)

// Client speaks with Microsoft's APIs. It is safe for concurrent use.
type Client struct {
	http   *http.Client
	budget Budget
	now    func() time.Time
	wait   func(ctx context.Context, span time.Duration) error
	tokens tokens
}

// Budget keeps the limits of an API for all replicas together.
type Budget interface {
	// Take counts one request, or returns the moment from which it may be asked again.
	Take(ctx context.Context, tenant string, of string, urgent bool) (until time.Time, err error)
	// Block lets nobody ask a tenant's API until a moment, because Microsoft said so.
	Block(ctx context.Context, tenant string, of string, until time.Time) error
}

// ClientOptions are what a Client stands on.
type ClientOptions struct {
	// HTTP refuses what it must not reach; its redirects are never followed.
	HTTP   *http.Client
	Budget Budget
	Now    func() time.Time
	// Wait returns after a span or when ctx ends.
	Wait func(ctx context.Context, span time.Duration) error
}

// NewClient returns a client.
func NewClient(options ClientOptions) *Client {
	direct := *options.HTTP
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{http: &direct, budget: options.Budget, now: options.Now, wait: options.Wait}
}

// Pause waits for a span of real time.
func Pause(ctx context.Context, span time.Duration) error {
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call is one request. What is urgent may use the last of the budget; what is safe is tried again where the outcome is
// unknown.
type call struct {
	tenant Tenant
	of     service
	method string
	path   string // with its query, below the host
	body   any
	urgent bool
	header http.Header
}

func (c call) safe() bool { return c.method == http.MethodGet }

// do sends a request until it is answered, as long as trying again makes sense, and decodes the answer into out. Its
// errors are Faults, or those of ctx and the budget.
func (c *Client) do(ctx context.Context, request call, out func(body io.Reader) error) error {
	pause := firstRetry
	for attempt := 1; ; attempt++ {
		err := c.once(ctx, request, out)
		if err == nil || ctx.Err() != nil {
			return err
		}
		var fault *Fault
		if !errors.As(err, &fault) || fault.Lasting || attempt == maxAttempts {
			return err
		}
		delay := pause
		switch {
		case !fault.Again.IsZero():
			delay = fault.Again.Sub(c.now())
			if delay > longestWait {
				return err
			}
			attempt-- // waiting for a limit is no attempt
		case !request.safe() || fault.status != 0 && fault.status < 500:
			return err
		}
		if err := c.wait(ctx, max(delay, 0)); err != nil {
			return err
		}
		pause *= 2
	}
}

// once is one attempt; a refused token is renewed once.
func (c *Client) once(ctx context.Context, request call, out func(body io.Reader) error) error {
	refused := ""
	for {
		token, err := c.token(ctx, request.tenant, request.of, refused)
		if err != nil {
			return err
		}
		err = c.send(ctx, request, token, out)
		if isStatus(err, http.StatusForbidden) {
			c.giveUp(request.tenant, request.of, token) // a permission that is granted now stands in the next one
		}
		if refused != "" || !isStatus(err, http.StatusUnauthorized) {
			return err
		}
		refused = token
	}
}

func (c *Client) send(ctx context.Context, request call, token string, out func(body io.Reader) error) error {
	until, err := c.budget.Take(ctx, request.tenant.ID, string(request.of), request.urgent)
	if err != nil {
		return err
	}
	if !until.IsZero() {
		return &Fault{Code: "Budget", Says: "the requests that Microsoft allows are used up", Again: until}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var body io.Reader
	if request.body != nil {
		content, err := json.Marshal(request.body)
		if err != nil {
			return fmt.Errorf("encode a request to Defender: %w", err)
		}
		body = bytes.NewReader(content)
	}
	asked, err := http.NewRequestWithContext(ctx, request.method, request.tenant.host(request.of)+request.path, body)
	if err != nil {
		return &Fault{Code: "Address", Says: "the address of the API cannot be requested", Mend: "check api_url of " + request.tenant.ID, Lasting: true}
	}
	for name, values := range request.header {
		asked.Header[name] = values
	}
	asked.Header.Set("Authorization", "Bearer "+token)
	asked.Header.Set("Accept", "application/json")
	if request.body != nil {
		asked.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(asked)
	if err != nil {
		return unreachable("Defender", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return c.refusal(ctx, request, answer)
	}
	if err := out(io.LimitReader(answer.Body, maxAnswer)); err != nil {
		return &Fault{Code: "Answer", Says: "Defender's answer broke off or is not what it documents: " + err.Error()}
	}
	return nil
}

// refusal reads an answer that is an error.
func (c *Client) refusal(ctx context.Context, request call, answer *http.Response) error {
	var said struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.NewDecoder(io.LimitReader(answer.Body, maxErrorBody)).Decode(&said) // the status says the rest
	path, _, _ := strings.Cut(request.path, "?")
	fault := apiFault(request.tenant, request.of, request.method, path, answer.StatusCode, said.Error.Code, said.Error.Message)
	if answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "" {
		fault.Says, fault.Again = "Microsoft asks to come later", c.now().Add(retryAfter(answer.Header))
		if err := c.budget.Block(ctx, request.tenant.ID, string(request.of), fault.Again); err != nil {
			return err
		}
	}
	return fault
}

// retryAfter is the wait that an answer asks for, in seconds or until a date; half a minute where it does not say.
func retryAfter(header http.Header) time.Duration {
	const usual, longest = 30 * time.Second, time.Hour
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return min(time.Duration(seconds)*time.Second, longest)
	}
	if at, err := http.ParseTime(value); err == nil {
		if sent, err := http.ParseTime(header.Get("Date")); err == nil {
			return min(max(at.Sub(sent), 0), longest)
		}
	}
	return usual
}

// decodeInto reads one JSON value.
func decodeInto(target any) func(io.Reader) error {
	return func(body io.Reader) error { return json.NewDecoder(body).Decode(target) }
}

// query builds a path with a query whose spaces are %20, as Microsoft's examples write them.
func query(path string, pairs ...string) string {
	var text strings.Builder
	text.WriteString(path)
	for i := 0; i+1 < len(pairs); i += 2 {
		separator := "&"
		if i == 0 {
			separator = "?"
		}
		text.WriteString(separator + pairs[i] + "=" + strings.ReplaceAll(url.QueryEscape(pairs[i+1]), "+", "%20"))
	}
	return text.String()
}
