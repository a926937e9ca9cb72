package defender

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// pages reads a list to its end. take gets each page's rows and returns what identifies them, in their order.
func (p *Poller) pages(ctx context.Context, t Tenant, of service, list func(skip int) string, size int, take func([]json.RawMessage) ([]string, error)) error {
	for range restarts {
		whole, err := p.pass(ctx, t, of, list, size, take)
		if err != nil || whole {
			return err
		}
	}
	return &Fault{Code: "Shifting", Says: "the list of alerts changed faster than it could be read"}
}

// pass reads a list once. whole is false where it shifted between two pages by more than they overlap.
func (p *Poller) pass(ctx context.Context, t Tenant, of service, list func(skip int) string, size int, take func([]json.RawMessage) ([]string, error)) (whole bool, err error) {
	var tail []string // the last rows of the page before
	address, skip := list(0), 0
	for range maxPages {
		var rows []json.RawMessage
		var next string
		header := http.Header{}
		if of == graphAPI {
			header.Set("Prefer", "include-unknown-enum-members")
		}
		err := p.Client.do(ctx, call{tenant: t, of: of, method: http.MethodGet, path: address, header: header}, func(body io.Reader) (err error) {
			rows = rows[:0]
			next, err = decodePage(body, func(element json.RawMessage) error {
				rows = append(rows, element)
				return nil
			})
			return err
		})
		if err != nil {
			return false, err
		}
		ids, err := take(rows)
		if err != nil {
			return false, err
		}
		if next != "" {
			if address, err = follow(t.host(of), next); err != nil {
				return false, err
			}
			tail = nil // the server keeps the place itself
			continue
		}
		if tail != nil && !slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(tail, id) }) {
			return false, nil
		}
		if len(rows) < size {
			return true, nil
		}
		tail = ids[max(0, len(ids)-pageOverlap):]
		skip += len(rows) - min(len(rows), pageOverlap)
		address = list(skip)
	}
	return false, &Fault{Code: "Endless", Says: "the list of alerts does not end"}
}

// follow is the path of a next link, which must lead to the same host: the token goes there.
func follow(host, next string) (string, error) {
	from, err := url.Parse(host)
	if err != nil {
		return "", &Fault{Code: "Address", Says: "the address of the API is none", Lasting: true}
	}
	to, err := url.Parse(next)
	if err != nil || to.Host != from.Host && to.Host != "" {
		return "", &Fault{Code: "NextLink", Says: "the API sends to another host for its next page", Mend: "set api_url to the host that it names"}
	}
	return to.RequestURI(), nil
}

func filterTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
