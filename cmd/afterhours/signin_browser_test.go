package main

import (
	"context"
	"io"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// named serves the desk under a name, to which passkeys and cookies belong.
func named(t *testing.T) func(*settings) {
	t.Helper()
	port := freePort(t)
	return func(s *settings) { s.HTTPAddr, s.PublicURL = "127.0.0.1:"+port, "http://localhost:"+port }
}

// links are the addresses in the mails to somebody, the newest last.
func (h *smarthost) links(to string) (found []string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for i, mail := range h.mails {
		body, err := io.ReadAll(mail.Body)
		if err != nil {
			continue
		}
		mail.Body = strings.NewReader(string(body))
		if mail.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			if body, err = io.ReadAll(quotedprintable.NewReader(strings.NewReader(string(body)))); err != nil {
				continue
			}
		}
		if h.to[i] == to {
			found = append(found, regexp.MustCompile(`https?://\S+`).FindAllString(string(body), -1)...)
		}
	}
	return found
}

// withAuthenticator gives the browser a device that holds passkeys and checks who uses it.
func withAuthenticator(ctx context.Context, target *chromedp.Target) (device webauthn.AuthenticatorID, err error) {
	if _, err := cdp.Call(ctx, target, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		return "", err
	}
	added, err := cdp.Call(ctx, target, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
		HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	return added.AuthenticatorID, err
}

// TestAnInvitedColleagueSignsInWithAPasskey goes from the invitation's mail to a passkey, and on to one that was removed.
func TestAnInvitedColleagueSignsInWithAPasskey(t *testing.T) {
	t.Parallel()
	host, address := newSmarthost(t), named(t)
	app := serveTest(t, func(s *settings) {
		address(s)
		s.SmarthostURL = "smtp://" + host.addr
	})
	app.configure(t, mailTeam)
	ctx := browserFor(t, 5*time.Minute)
	complaints, judge := listen(t, ctx), axe(t)
	p := keyboard{t, ctx, app}
	picture := func(name string) {
		t.Helper()
		p.picture(name)
		for _, fault := range judge(ctx) {
			t.Errorf("%s: %s", name, fault)
		}
	}
	p.do(chromedp.EmulateViewport(360, 780))
	signIn(t, ctx, app)
	p.opens("/settings/accounts")
	p.do(chromedp.SendKeys(`#email`, "ben@people.example"), chromedp.Click(`form.editor button.main`))
	p.sees(".notice", "An invitation is on its way to ben@people.example.")
	picture("invited")
	eventually(t, "the mail arrives", func() bool { return len(host.links("ben@people.example")) == 1 })
	p.do(chromedp.Click(`form.who button`))
	p.sees("h1", "Sign in")
	link := host.links("ben@people.example")[0]
	if !strings.HasPrefix(link, app.baseURL+"/invitation/") {
		t.Fatalf("link: got %q", link)
	}
	p.do(chromedp.Navigate(link))
	p.sees("main", "Ana Ruiz invites you, as responder.")
	picture("invitation")
	p.do(chromedp.SendKeys(`#password`, "correct horse battery"), chromedp.Click(`main form button`), chromedp.WaitVisible(`nav`))
	p.sees(".who", "My contacts") // the account is the person's
	device, err := chromedp.Run(ctx, withAuthenticator)
	if err != nil {
		t.Fatal(err)
	}
	verified := func(is bool) {
		_, err := chromedp.Run(ctx, func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, target, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: device, IsUserVerified: is})
			return chromedp.Void{}, err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	p.opens("/account")
	p.do(chromedp.WaitEnabled(`#passkey`), chromedp.Click(`#passkey`))
	p.sees("#said", "Give the passkey a name")
	p.do(chromedp.SendKeys(`#passkey-name`, "Ben's telephone"), chromedp.Click(`#passkey`))
	p.sees(".notice", "The passkey is kept.")
	p.sees(".entries", "Ben's telephone")
	picture("passkeys")
	p.do(chromedp.WaitEnabled(`#passkey`), chromedp.SendKeys(`#passkey-name`, "again"), chromedp.Click(`#passkey`))
	p.sees("#said", "has a passkey of yours already")
	for range 2 {
		p.do(chromedp.Click(`form.who button`))
		p.sees("h1", "Sign in")
		p.do(chromedp.Navigate(app.baseURL+"/login?next="+"%2Foncall"), chromedp.WaitVisible(`#passkey`))
		picture("sign-in")
		p.do(chromedp.Click(`#passkey`))
		p.sees(".who", "Ben Okafor")
		p.sees("h1", "On call")
	}
	p.do(chromedp.Click(`form.who button`), chromedp.WaitVisible(`#passkey`))
	verified(false)
	p.do(chromedp.Click(`#passkey`))
	p.sees("#said", "No passkey answered")
	verified(true)
	if err := app.auth.RemovePasskeys(t.Context(), "ana", "ben"); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.WaitEnabled(`#passkey`), chromedp.Click(`#passkey`))
	p.sees("#said", "This passkey lets nobody in")
	var faults []string
	for _, told := range complaints() {
		if !strings.Contains(told, "401 (Unauthorized)") { // of the removed passkey
			faults = append(faults, told)
		}
	}
	if len(faults) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(faults, "\n"))
	}
}

// picture keeps what the browser shows where AFTERHOURS_TEST_SCREENSHOTS names a folder, and holds it to the screen's width.
func (p keyboard) picture(name string) {
	p.t.Helper()
	wide, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
	if err != nil || wide {
		p.t.Errorf("%s is wider than the screen: %t, %v", name, wide, err)
	}
	keepShot(p.t, p.ctx, "sign-in-"+name+".png")
}
