package defender

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// renewEarly is how long before its end a token is given up.
const renewEarly = 5 * time.Minute

// tokens are the tokens in hand, one for each credential and scope.
type tokens struct {
	mutex sync.Mutex
	held  map[[32]byte]heldToken
}

type heldToken struct {
	value string
	until time.Time
}

func tokenKey(t Tenant, scope string) [32]byte {
	return sha256.Sum256([]byte(t.tokenURL() + "\x00" + t.ClientID + "\x00" + t.ClientSecret + "\x00" + scope))
}

// token returns a token for a service, a new one where there is none, it ends soon, or it is the refused one.
func (c *Client) token(ctx context.Context, t Tenant, of service, refused string) (string, error) {
	scope := t.scope(of)
	key := tokenKey(t, scope)
	c.tokens.mutex.Lock()
	held, ok := c.tokens.held[key]
	c.tokens.mutex.Unlock()
	if ok && held.value != refused && c.now().Before(held.until) {
		return held.value, nil
	}
	config := clientcredentials.Config{
		ClientID: t.ClientID, ClientSecret: t.ClientSecret, TokenURL: t.tokenURL(), Scopes: []string{scope}, AuthStyle: oauth2.AuthStyleInParams,
	}
	asked := c.now()
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, c.http))
	if err != nil {
		return "", c.tokenError(ctx, t, err)
	}
	lifetime := lifetimeOf(token)
	c.tokens.mutex.Lock()
	defer c.tokens.mutex.Unlock()
	if c.tokens.held == nil {
		c.tokens.held = map[[32]byte]heldToken{}
	}
	for other, held := range c.tokens.held {
		if !c.now().Before(held.until) {
			delete(c.tokens.held, other)
		}
	}
	c.tokens.held[key] = heldToken{token.AccessToken, asked.Add(max(lifetime-renewEarly, lifetime/2))}
	return token.AccessToken, nil
}

// giveUp lets the next request ask for a token of its own.
func (c *Client) giveUp(t Tenant, of service, token string) {
	key := tokenKey(t, t.scope(of))
	c.tokens.mutex.Lock()
	defer c.tokens.mutex.Unlock()
	if c.tokens.held[key].value == token {
		delete(c.tokens.held, key)
	}
}

// lifetimeOf is how long a token is good for, from the moment at which it was asked for: the library's own reading follows
// the machine's clock. Version 1 of the endpoint writes seconds as a string.
func lifetimeOf(token *oauth2.Token) time.Duration {
	seconds, err := strconv.ParseFloat(fmt.Sprint(token.Extra("expires_in")), 64)
	if err != nil || seconds < 0 {
		return 0 // it serves once
	}
	return time.Duration(seconds * float64(time.Second))
}

// tokenError hides what the library adds to an error: the answer's whole body.
func (c *Client) tokenError(ctx context.Context, t Tenant, err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		if refused.Response.StatusCode == http.StatusTooManyRequests {
			return &Fault{Code: "TooManyRequests", Says: "the token endpoint asks to come later", status: http.StatusTooManyRequests, Again: c.now().Add(retryAfter(refused.Response.Header))}
		}
		return tokenFault(t, refused.Response.StatusCode, refused.ErrorDescription)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return unreachable("the token endpoint", err)
}

// unreachable tells that a host does not answer, without the address, whose path can hold ids.
func unreachable(what string, err error) error {
	cause := err
	for {
		next := errors.Unwrap(cause)
		if next == nil {
			break
		}
		cause = next
	}
	return &Fault{Code: "Unreachable", Says: fmt.Sprintf("%s cannot be reached: %s", what, cause), Mend: "check the network, the proxy, and api_url and token_url"}
}
