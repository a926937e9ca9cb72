package auth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afterhours/migrations/pgtest"
	"afterhours/tickets"
)

const deskURL = "https://desk.example"

// The flags of authenticator data (WebAuthn, 6.1).
const (
	userPresent  = 0x01
	userVerified = 0x04
	attested     = 0x40
)

// authenticator is a device that holds one passkey.
type authenticator struct {
	t       testing.TB
	key     *ecdsa.PrivateKey
	id      []byte
	handle  []byte
	counter uint32
	site    string // whose page it believes to answer
	party   string
	flags   byte
}

func newAuthenticator(t testing.TB) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return &authenticator{t: t, key: key, id: id, site: deskURL, party: "desk.example", flags: userPresent | userVerified}
}

func (d *authenticator) clientData(kind string, challenge protocol.URLEncodedBase64) []byte {
	return d.json(map[string]any{"type": kind, "challenge": challenge.String(), "origin": d.site, "crossOrigin": false})
}

func (d *authenticator) json(content any) []byte {
	d.t.Helper()
	written, err := json.Marshal(content)
	if err != nil {
		d.t.Fatal(err)
	}
	return written
}

func (d *authenticator) cbor(content any) []byte {
	d.t.Helper()
	written, err := webauthncbor.Marshal(content)
	if err != nil {
		d.t.Fatal(err)
	}
	return written
}

func (d *authenticator) data(flags byte) []byte {
	party := sha256.Sum256([]byte(d.party))
	return binary.BigEndian.AppendUint32(append(party[:], flags), d.counter)
}

func (d *authenticator) answer(parts map[string]any) []byte {
	id := base64.RawURLEncoding.EncodeToString(d.id)
	return d.json(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": parts, "clientExtensionResults": map[string]any{}})
}

func encoded(content []byte) string { return base64.RawURLEncoding.EncodeToString(content) }

// make answers the request for a new passkey.
func (d *authenticator) make(challenge Challenge) []byte {
	d.t.Helper()
	options := challenge.Options.(protocol.PublicKeyCredentialCreationOptions)
	d.handle = options.User.ID.(protocol.URLEncodedBase64)
	public, err := d.key.PublicKey.Bytes()
	if err != nil {
		d.t.Fatal(err)
	}
	data := append(d.data(d.flags|attested), make([]byte, 16)...) // no model is told
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(d.id))), d.id...)
	data = append(data, d.cbor(map[int]any{1: 2, 3: -7, -1: 1, -2: public[1:33], -3: public[33:65]})...)
	return d.answer(map[string]any{
		"clientDataJSON":    encoded(d.clientData("webauthn.create", options.Challenge)),
		"attestationObject": encoded(d.cbor(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})),
	})
}

// sign answers the request of a sign-in.
func (d *authenticator) sign(challenge Challenge) []byte {
	d.t.Helper()
	options := challenge.Options.(protocol.PublicKeyCredentialRequestOptions)
	client := d.clientData("webauthn.get", options.Challenge)
	sum := sha256.Sum256(client)
	data := d.data(d.flags)
	signed := sha256.Sum256(append(bytes.Clone(data), sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, signed[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{
		"clientDataJSON": encoded(client), "authenticatorData": encoded(data), "signature": encoded(signature), "userHandle": encoded(d.handle),
	})
}

// withPasskeys is an Auth at an address that passkeys belong to, with the account ana.
func withPasskeys(t testing.TB) (*Auth, *pgxpool.Pool, *clock) {
	t.Helper()
	pool, now := pgtest.New(t), newClock()
	a := New(pool, Options{Now: now.now, Secure: true, PublicURL: deskURL})
	a.first(t)
	return a, pool, now
}

const somewhere = "192.0.2.1:5"

// asked is the challenge for a new passkey of somebody who has just signed in.
func (a *Auth) asked(t testing.TB, account string) (challenge Challenge, err error) {
	t.Helper()
	a.within(t, nil, func(ctx context.Context) {
		a.confirm(ctx)
		challenge, err = a.BeginPasskey(ctx, account, somewhere)
	})
	return challenge, err
}

// add gives an account a passkey.
func (a *Auth) add(t testing.TB, account string, device *authenticator) {
	t.Helper()
	challenge, err := a.asked(t, account)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.AddPasskey(t.Context(), account, challenge.Token, "key of "+account, device.make(challenge)); err != nil {
		t.Fatal(err)
	}
}

func (a *Auth) challenge(t testing.TB) Challenge {
	t.Helper()
	challenge, err := a.BeginPasskeySignIn(t.Context(), somewhere)
	if err != nil {
		t.Fatal(err)
	}
	return challenge
}

// enter signs in with an answer.
func (a *Auth) enter(t testing.TB, before *http.Cookie, token string, answer []byte) (identity Identity, cookie *http.Cookie, err error) {
	t.Helper()
	cookie = a.within(t, before, func(ctx context.Context) { identity, err = a.PasskeySignIn(ctx, token, answer, somewhere) })
	return identity, cookie, err
}

func TestAPasskeySignsItsAccountInUnderANewSessionId(t *testing.T) {
	t.Parallel()
	a, _, _ := withPasskeys(t)
	device := newAuthenticator(t)
	a.add(t, "ana", device)
	before := a.within(t, nil, func(ctx context.Context) { a.sessions.Put(ctx, "anything", 1) })
	for range 2 { // most passkeys do not count
		challenge := a.challenge(t)
		identity, cookie, err := a.enter(t, before, challenge.Token, device.sign(challenge))
		if err != nil || identity != (Identity{ID: "ana", Name: "Ana", Role: Admin}) {
			t.Fatalf("got %+v, %v", identity, err)
		}
		if cookie == nil || cookie.Value == before.Value {
			t.Errorf("cookie: got %v after %v, want another one", cookie, before)
		}
	}
	passkeys, err := a.Passkeys(t.Context(), "ana")
	if err != nil || len(passkeys) != 1 || passkeys[0].Name != "key of ana" || passkeys[0].UsedAt == nil {
		t.Errorf("list: got %+v, %v", passkeys, err)
	}
	if len(a.senders.counts) != 0 {
		t.Errorf("good sign-ins count: %v", a.senders.counts)
	}
}

func TestAnAnswerOfAPasskeyIsTakenOnceAndOnlyFromHere(t *testing.T) {
	t.Parallel()
	a, pool, now := withPasskeys(t)
	if err := a.EnsureAccount(t.Context(), "ben", "Ben", "ben@example.com", "responder"); err != nil {
		t.Fatal(err)
	}
	ana, ben := newAuthenticator(t), newAuthenticator(t)
	a.add(t, "ana", ana)
	a.add(t, "ben", ben)
	refused := func(name, token string, answer []byte) {
		t.Helper()
		if identity, cookie, err := a.enter(t, nil, token, answer); !errors.Is(err, ErrPasskeyRefused) || cookie != nil {
			t.Errorf("%s: got %+v, %v, want refused and no session", name, identity, err)
		}
	}
	challenge := a.challenge(t)
	answer := ana.sign(challenge)
	if _, _, err := a.enter(t, nil, challenge.Token, answer); err != nil {
		t.Fatal(err)
	}
	refused("the same again", challenge.Token, answer)
	refused("the same under a new challenge", a.challenge(t).Token, answer)
	challenge = a.challenge(t)
	now.pass(ceremonyLifetime)
	refused("late", challenge.Token, ana.sign(challenge))
	for name, change := range map[string]func(*authenticator){
		"from another site":                   func(d *authenticator) { d.site = "https://desk.example.evil.example" },
		"from another port":                   func(d *authenticator) { d.site = deskURL + ":8443" },
		"over http":                           func(d *authenticator) { d.site = "http://desk.example" },
		"for another site":                    func(d *authenticator) { d.party = "evil.example" },
		"without asking who uses it":          func(d *authenticator) { d.flags = userPresent },
		"with another key":                    func(d *authenticator) { d.key = newAuthenticator(t).key },
		"of ana's passkey as ben":             func(d *authenticator) { d.handle = ben.handle },
		"of ben's passkey as ana, by her key": func(d *authenticator) { d.id = ben.id },
		"of a passkey that is nobody's":       func(d *authenticator) { d.id = []byte("nobody's") },
		"without a name of the account":       func(d *authenticator) { d.handle = nil },
		"of an account that is none of ours":  func(d *authenticator) { d.handle = []byte("\x00\xff") },
	} {
		other := *ana
		change(&other)
		challenge := a.challenge(t)
		refused(name, challenge.Token, other.sign(challenge))
	}
	for _, garbage := range []string{"", "null", "{}", "[", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`, strings.Repeat("[", 5000)} {
		refused("garbage", a.challenge(t).Token, []byte(garbage))
	}
	made, err := a.asked(t, "ana")
	if err != nil {
		t.Fatal(err)
	}
	refused("under the token of another ceremony", made.Token, answer)
	if _, err := pool.Exec(t.Context(), `UPDATE accounts SET disabled_at = now() WHERE id = 'ben'`); err != nil {
		t.Fatal(err)
	}
	challenge = a.challenge(t)
	refused("of a disabled account", challenge.Token, ben.sign(challenge))
	passkeys, err := a.Passkeys(t.Context(), "ana")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RemovePasskey(t.Context(), "ben", passkeys[0].ID); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("removed by another: got %v", err)
	}
	if err := a.RemovePasskey(t.Context(), "ana", passkeys[0].ID); err != nil {
		t.Fatal(err)
	}
	challenge = a.challenge(t)
	refused("of a removed passkey", challenge.Token, ana.sign(challenge))
}

func TestAPasskeyThatCountsBackwardsIsRefusedAndMarked(t *testing.T) {
	t.Parallel()
	a, pool, _ := withPasskeys(t)
	device := newAuthenticator(t)
	device.counter = 7
	a.add(t, "ana", device)
	copied := *device
	device.counter = 9
	challenge := a.challenge(t)
	if _, _, err := a.enter(t, nil, challenge.Token, device.sign(challenge)); err != nil {
		t.Fatal(err)
	}
	copied.counter = 9
	challenge = a.challenge(t)
	if _, cookie, err := a.enter(t, nil, challenge.Token, copied.sign(challenge)); !errors.Is(err, ErrPasskeySuspect) || cookie != nil {
		t.Errorf("the copy: got %v, want suspect", err)
	}
	passkeys, err := a.Passkeys(t.Context(), "")
	if err != nil || len(passkeys) != 1 || passkeys[0].SuspectAt == nil {
		t.Errorf("list: got %+v, %v, want it marked", passkeys, err)
	}
	var told int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE action LIKE '%counter went back'`).Scan(&told); err != nil || told != 1 {
		t.Errorf("audit log: got %d, %v", told, err)
	}
	var in atomic.Int32
	var group sync.WaitGroup
	device.counter = 10
	for range 4 { // of answers with one number, one is the first
		challenge := a.challenge(t)
		answer := device.sign(challenge)
		group.Go(func() {
			if _, _, err := a.enter(t, nil, challenge.Token, answer); err == nil {
				in.Add(1)
			}
		})
	}
	group.Wait()
	if in.Load() != 1 {
		t.Errorf("four with one number: got %d in, want 1", in.Load())
	}
}

func TestAPasskeyIsMadeForWhoeverAskedForIt(t *testing.T) {
	t.Parallel()
	a, _, now := withPasskeys(t)
	if err := a.EnsureAccount(t.Context(), "ben", "Ben", "ben@example.com", "responder"); err != nil {
		t.Fatal(err)
	}
	begin := func(account string) Challenge {
		t.Helper()
		challenge, err := a.asked(t, account)
		if err != nil {
			t.Fatal(err)
		}
		return challenge
	}
	device := newAuthenticator(t)
	challenge := begin("ana")
	answer := device.make(challenge)
	if err := a.AddPasskey(t.Context(), "ben", challenge.Token, "stolen", answer); !errors.Is(err, tickets.ErrInvalid) {
		t.Errorf("by another account: got %v", err)
	}
	for _, name := range []string{"", " ", strings.Repeat("x", 61), "a\x00"} {
		if err := a.AddPasskey(t.Context(), "ana", challenge.Token, name, answer); !errors.Is(err, tickets.ErrInvalid) {
			t.Errorf("name %.5q: got %v", name, err)
		}
	}
	if err := a.AddPasskey(t.Context(), "ana", challenge.Token, "mine", answer); err != nil {
		t.Errorf("by whoever asked: got %v", err)
	}
	if err := a.AddPasskey(t.Context(), "ana", challenge.Token, "again", answer); !errors.Is(err, tickets.ErrInvalid) {
		t.Errorf("twice: got %v", err)
	}
	options := begin("ana").Options.(protocol.PublicKeyCredentialCreationOptions)
	if len(options.CredentialExcludeList) != 1 || options.AuthenticatorSelection.UserVerification != protocol.VerificationRequired ||
		options.AuthenticatorSelection.ResidentKey != protocol.ResidentKeyRequirementRequired || options.RelyingParty.ID != "desk.example" {
		t.Errorf("options: got %+v", options)
	}
	challenge = begin("ben")
	if err := a.AddPasskey(t.Context(), "ben", challenge.Token, "ana's", device.make(challenge)); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("one passkey for two: got %v", err)
	}
	for name, change := range map[string]func(*authenticator){
		"another site":      func(d *authenticator) { d.site = "https://evil.example" },
		"nobody checked":    func(d *authenticator) { d.flags = userPresent },
		"for another party": func(d *authenticator) { d.party = "evil.example" },
	} {
		other := newAuthenticator(t)
		change(other)
		challenge := begin("ben")
		if err := a.AddPasskey(t.Context(), "ben", challenge.Token, name, other.make(challenge)); !errors.Is(err, tickets.ErrInvalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	challenge = begin("ben")
	now.pass(ceremonyLifetime)
	if err := a.AddPasskey(t.Context(), "ben", challenge.Token, "late", newAuthenticator(t).make(challenge)); !errors.Is(err, tickets.ErrInvalid) {
		t.Errorf("late: got %v", err)
	}
}

func TestPasskeysGoWithTheirAccountAndAtAnAdministratorsWord(t *testing.T) {
	t.Parallel()
	a, pool, _ := withPasskeys(t)
	if err := a.EnsureAccount(t.Context(), "ben", "Ben", "ben@example.com", "responder"); err != nil {
		t.Fatal(err)
	}
	ana, ben := newAuthenticator(t), newAuthenticator(t)
	a.add(t, "ana", ana)
	a.add(t, "ben", ben)
	challenge := a.challenge(t)
	_, session, err := a.enter(t, nil, challenge.Token, ben.sign(challenge))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.RemovePasskeys(t.Context(), "ana", "ben"); err != nil {
		t.Fatal(err)
	}
	a.within(t, session, func(ctx context.Context) {
		if _, ok, err := a.Current(ctx); ok || err != nil {
			t.Errorf("the session goes on: %t, %v", ok, err)
		}
	})
	challenge = a.challenge(t)
	if _, _, err := a.enter(t, nil, challenge.Token, ben.sign(challenge)); !errors.Is(err, ErrPasskeyRefused) {
		t.Errorf("removed: got %v", err)
	}
	if err := a.RemovePasskeys(t.Context(), "ana", "ben"); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("of none: got %v", err)
	}
	if _, err := a.asked(t, "ana"); err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := a.EraseIn(t.Context(), tx, tickets.Erasure{Person: "ana"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var left int
	err = pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM passkeys) + (SELECT count(*) FROM ceremonies WHERE account <> '') + (SELECT count(passkey_handle) FROM accounts WHERE id = 'ana')`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("after the erasure: got %d, %v, want nothing", left, err)
	}
}

func TestFailedPasskeysAreLimitedBySender(t *testing.T) {
	t.Parallel()
	a, _, now := withPasskeys(t)
	for range failuresPerAddress {
		if _, _, err := a.enter(t, nil, "forged", nil); !errors.Is(err, ErrPasskeyRefused) {
			t.Fatalf("within the limit: got %v", err)
		}
	}
	var limited *LimitError
	if _, _, err := a.enter(t, nil, "forged", nil); !errors.As(err, &limited) {
		t.Errorf("above it: got %v, want a LimitError", err)
	}
	for range ceremoniesPerAddress {
		a.challenge(t)
	}
	if _, err := a.BeginPasskeySignIn(t.Context(), somewhere); !errors.As(err, &limited) {
		t.Errorf("challenges: got %v, want a LimitError", err)
	}
	now.pass(failureWindow)
	a.challenge(t)
	var kept int
	if err := a.pool.QueryRow(t.Context(), `SELECT count(*) FROM ceremonies`).Scan(&kept); err != nil || kept != 1 {
		t.Errorf("challenges kept: got %d, %v, want the one that is not over", kept, err)
	}
}

func TestPasskeysNeedANameOverHttps(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://desk.example": "", "https://Desk.example:8443/": "", "http://localhost:8080": "", "http://desk.localhost": "",
		"": "set AFTERHOURS_PUBLIC_URL", "http://desk.example": "over https alone", "https://192.0.2.7": "is a number", "http://127.0.0.1:8080": "is a number",
		"https://[2001:db8::1]": "is a number", "://": "set AFTERHOURS_PUBLIC_URL",
	} {
		party, off := newRelyingParty(address)
		if !strings.Contains(off, want) || (off == "") != (party != nil) || (want == "") != (off == "") {
			t.Errorf("%q: got %q, want %q", address, off, want)
		}
	}
	a, _, _ := setup(t)
	if _, err := a.BeginPasskeySignIn(t.Context(), somewhere); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("without an address: got %v", err)
	}
}

func TestASessionGetsAnotherIdWithAnotherRole(t *testing.T) {
	t.Parallel()
	a, _, _ := setup(t)
	a.first(t)
	_, cookie, err := a.signIn(t, "ana@example.com", password, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	current := func(cookie *http.Cookie) (who Identity, after *http.Cookie, ok bool) {
		after = a.within(t, cookie, func(ctx context.Context) {
			if who, ok, err = a.Current(ctx); err != nil {
				t.Error(err)
			}
		})
		return who, after, ok
	}
	if _, after, ok := current(cookie); !ok || after != nil && after.Value != cookie.Value {
		t.Errorf("the same role: got %t and %v", ok, after)
	}
	if err := a.SetRole(t.Context(), "adm", "ana", Viewer); err != nil {
		t.Fatal(err)
	}
	who, after, ok := current(cookie)
	if !ok || who.Role != Viewer || after == nil || after.Value == cookie.Value {
		t.Errorf("another role: got %+v, %t and %v after %v", who, ok, after, cookie)
	}
	if _, _, ok := current(cookie); ok {
		t.Error("the former id still lets in")
	}
	if who, _, ok := current(after); !ok || who.ID != "ana" {
		t.Errorf("the new id: got %+v, %t", who, ok)
	}
}
