package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Bounds of what is read of an answer, and of a wait that a provider may ask for.
const (
	maxAnswer = 64 << 10
	maxWait   = 10 * time.Minute
)

// AnswerError is an answer that is no success. Its text names scheme, host and status; Body is for who knows the
// provider's words, and never for a log or a page.
type AnswerError struct {
	Target string
	Status int
	Body   []byte
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s answered %d %s", e.Target, e.Status, http.StatusText(e.Status))
}

// Post sends a request and classifies its answer: 2xx is success and returns up to 64 KiB of the body; 429 and 503 may
// ask for a wait; 408, 425, 429 and 5xx are worth another attempt; 410 is Gone; every other status, and an address that the guard
// refuses, is permanent. The status counts, also where the body is cut off. Errors name scheme and host alone.
func Post(client *http.Client, request *http.Request, now func() time.Time) ([]byte, error) {
	target := Redact(request.URL.String())
	response, err := client.Do(request)
	if err != nil {
		return nil, TransportError(target, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		body = nil
	}
	fault := &AnswerError{target, response.StatusCode, body}
	switch status := response.StatusCode; {
	case status >= 200 && status < 300:
		return body, nil
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		if wait := retryAfter(response.Header.Get("Retry-After"), now()); wait > 0 {
			return nil, RetryAfter(fault, wait)
		}
		return nil, fault
	case status == http.StatusGone:
		return nil, Gone(fault)
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return nil, fault
	default:
		return nil, Permanent(fault)
	}
}

// Sender is an HTTP client for libraries that send by themselves. What it refuses carries Post's classification, and what
// it lets through has at most 64 KiB.
type Sender struct {
	Client *http.Client
	Now    func() time.Time
}

// Do is Post in the form of http.Client's method.
func (s Sender) Do(request *http.Request) (*http.Response, error) {
	body, err := Post(s.Client, request, s.Now)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: request,
	}, nil
}

// TransportError says why no answer came, without the URL that net/http would name. target is one that Redact returned.
func TransportError(target string, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var resolving *net.DNSError
	var network net.Error
	switch {
	case errors.Is(err, ErrRefusedAddress):
		return Permanent(fmt.Errorf("%s: %w", target, ErrRefusedAddress))
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%s: %w", target, context.Canceled)
	case errors.As(err, &resolving):
		return fmt.Errorf("%s: the name does not resolve", target)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Errorf("%s did not answer in time", target)
	}
	return fmt.Errorf("%s: %w", target, err)
}

// retryAfter reads seconds or an HTTP date (RFC 9110, 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), maxWait)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxWait)
	}
	return 0
}
