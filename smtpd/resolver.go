package smtpd

import (
	"context"
	"net"
	"sync"
	"time"
)

// Resolver is what sender authentication asks the DNS; *net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, address string) ([]string, error)
}

// How long answers are kept, and how many. Answers of a storm are the same, and a name server that is away must not be
// asked for each mail.
const (
	keepAnswer   = 5 * time.Minute
	keepFailure  = 30 * time.Second
	mostAnswers  = 4096
	longestQuery = 300
)

// CachingResolver remembers the answers of another resolver for a while.
type CachingResolver struct {
	Resolver Resolver
	Now      func() time.Time

	mutex   sync.Mutex
	answers map[string]answerOf
}

type answerOf struct {
	value any
	err   error
	until time.Time
}

// LookupTXT is net.Resolver's.
func (c *CachingResolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return remembered(ctx, c, "txt "+name, func() ([]string, error) { return c.Resolver.LookupTXT(ctx, name) })
}

// LookupMX is net.Resolver's.
func (c *CachingResolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	return remembered(ctx, c, "mx "+name, func() ([]*net.MX, error) { return c.Resolver.LookupMX(ctx, name) })
}

// LookupIPAddr is net.Resolver's.
func (c *CachingResolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	return remembered(ctx, c, "ip "+host, func() ([]net.IPAddr, error) { return c.Resolver.LookupIPAddr(ctx, host) })
}

// LookupAddr is net.Resolver's.
func (c *CachingResolver) LookupAddr(ctx context.Context, address string) ([]string, error) {
	return remembered(ctx, c, "ptr "+address, func() ([]string, error) { return c.Resolver.LookupAddr(ctx, address) })
}

func remembered[T any](ctx context.Context, c *CachingResolver, key string, ask func() (T, error)) (T, error) {
	now := c.Now()
	c.mutex.Lock()
	held, ok := c.answers[key]
	c.mutex.Unlock()
	if ok && now.Before(held.until) {
		value, _ := held.value.(T)
		return value, held.err
	}
	value, err := ask()
	if ctx.Err() != nil && err != nil && !isNotFound(err) { // our own haste says little, but the next mail need not wait as long
		err = &net.DNSError{Err: "no answer in time", Name: key, IsTimeout: true, IsTemporary: true}
	}
	keep := keepAnswer
	if err != nil && !isNotFound(err) {
		keep = keepFailure
	}
	if len(key) > longestQuery {
		return value, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.answers == nil || len(c.answers) >= mostAnswers {
		c.answers = map[string]answerOf{}
	}
	c.answers[key] = answerOf{value, err, now.Add(keep)}
	return value, err
}
