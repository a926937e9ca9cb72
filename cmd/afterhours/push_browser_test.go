package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	browserdomain "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"afterhours/tickets"
)

// pushService stands for a browser maker's: it takes what is encrypted for one device, and opens it as the device does
// (RFC 8291, RFC 8188).
type pushService struct {
	*httptest.Server
	key   *ecdh.PrivateKey
	auth  []byte
	mutex sync.Mutex
	got   []string // opened
}

func newPushService(t *testing.T) *pushService {
	t.Helper()
	p := &pushService{auth: make([]byte, 16)}
	var err error
	if p.key, err = ecdh.P256().GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, err := rand.Read(p.auth); err != nil {
		t.Fatal(err)
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		message, err := p.open(body)
		if err != nil || !strings.HasPrefix(r.Header.Get("Authorization"), "vapid ") {
			http.Error(w, "not for this device", http.StatusBadRequest)
			return
		}
		p.mutex.Lock()
		defer p.mutex.Unlock()
		p.got = append(p.got, message)
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pushService) open(body []byte) (string, error) {
	if len(body) < 21 || len(body) < 21+int(body[20]) {
		return "", io.ErrUnexpectedEOF
	}
	salt, sent := body[:16], body[21:21+int(body[20])]
	sender, err := ecdh.P256().NewPublicKey(sent)
	if err != nil {
		return "", err
	}
	shared, err := p.key.ECDH(sender)
	if err != nil {
		return "", err
	}
	material, err := hkdf.Key(sha256.New, shared, p.auth, "WebPush: info\x00"+string(p.key.PublicKey().Bytes())+string(sent), 32)
	if err != nil {
		return "", err
	}
	key, err := hkdf.Key(sha256.New, material, salt, "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return "", err
	}
	nonce, err := hkdf.Key(sha256.New, material, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return "", err
	}
	plain, err := aead.Open(nil, nonce, body[21+len(sent):], nil)
	if err != nil {
		return "", err
	}
	return string(plain[:max(0, bytes.LastIndexByte(plain, 2))]), nil
}

func (p *pushService) messages() []string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return append([]string(nil), p.got...)
}

// subscribing is a browser whose maker's push service is this one: a headless browser has none.
func (p *pushService) subscribing() string {
	encode := base64.RawURLEncoding.EncodeToString
	keys, _ := json.Marshal(map[string]string{"p256dh": encode(p.key.PublicKey().Bytes()), "auth": encode(p.auth)}) // strings always can be written
	return fmt.Sprintf(`PushManager.prototype.subscribe = async (asked) => {
		if (!asked.userVisibleOnly || asked.applicationServerKey.length !== 65) { throw new Error("not a subscription"); }
		return { unsubscribe: async () => true, toJSON: () => ({ endpoint: %q, keys: %s }) };
	};
	PushManager.prototype.getSubscription = async () => null;`, p.URL+"/device", keys)
}

// pressed is what the worker does when its notification is pressed. A debugger cannot press one; events that it makes may
// neither hold the worker nor open a window, so that both are noted here instead.
const pressed = `(async (action) => {
	const opened = [], held = [];
	ExtendableEvent.prototype.waitUntil = (promise) => { held.push(promise); };
	Clients.prototype.openWindow = async (url) => { opened.push(url); };
	const [notification] = await registration.getNotifications();
	dispatchEvent(new NotificationEvent("notificationclick", { notification, action }));
	await Promise.all(held);
	return opened.join(" ");
})(%q)`

// TestABrowserIsRungAndLeadsToTheTicket allows a device on the installed page, lets the worker show what the server sent,
// and presses it.
func TestABrowserIsRungAndLeadsToTheTicket(t *testing.T) {
	t.Parallel()
	service := newPushService(t)
	app := serveTest(t, trusting)
	app.configure(t, `
people: [{id: ana, name: Ana Ruiz, contacts: [{id: mail, channel: email, to: ana@example.com}]}]
policies: [{id: security, steps: [{notify: ["person:ana"], wait: 1h}]}]`)
	ctx := browser(t)
	complaints := listen(t, ctx)
	signIn(t, ctx, app)
	registrations := chromedp.Events(ctx, serviceworker.WorkerRegistrationUpdated)
	_, err := chromedp.Run(ctx, func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		allow := browserdomain.SetPermissionParams{
			Permission: &browserdomain.PermissionDescriptor{Name: "notifications"}, Setting: browserdomain.PermissionSettingGranted, Origin: app.baseURL,
		}
		if _, err := cdp.Call(ctx, chromedp.FromContext(ctx).Browser, browserdomain.SetPermission, allow); err != nil {
			return chromedp.Void{}, err
		}
		_, err := cdp.Call(ctx, tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: service.subscribing()})
		if err != nil {
			return chromedp.Void{}, err
		}
		_, err = cdp.Call(ctx, tab, serviceworker.Enable, cdp.Empty{})
		return chromedp.Void{}, err
	})
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(app.baseURL+"/push"), chromedp.Click(`#allow`)); err != nil {
		t.Fatalf("allow: %v", err)
	}
	var said string
	eventually(t, "the device is allowed", func() bool {
		said, err = chromedp.Run(ctx, chromedp.Text(`#said`))
		return err == nil && said == "This device rings from now on."
	})
	app.configure(t, `policies: [{id: security, steps: [{notify: ["person:ana"], wait: 1h}], bundle: {after: 0}}]`)
	mustSend(t, app.smtpAddr, vouched(alertMail("High", "Ransomware", "srv-sql-07", "da4444444444444444_1", "push@example")))
	eventually(t, "the push service has a message", func() bool { return len(service.messages()) > 0 })
	message := service.messages()[0]

	id := registrationOf(t, registrations, app.baseURL)
	deliver := func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, tab, serviceworker.DeliverPushMessage, serviceworker.DeliverPushMessageParams{Origin: app.baseURL, RegistrationID: id, Data: message})
		return chromedp.Void{}, err
	}
	const shown = `navigator.serviceWorker.ready.then((r) => r.getNotifications()).then((all) => all.map((n) => n.title + "|" + n.body + "|" + n.actions.map((a) => a.title)).join("\n"))`
	var notification string
	eventually(t, "the worker shows it", func() bool {
		if _, err := chromedp.Run(ctx, deliver); err != nil {
			t.Fatalf("deliver: %v", err)
		}
		notification, err = chromedp.Run(ctx, chromedp.Evaluate[string](shown, chromedp.EvalAwaitPromise))
		return err == nil && notification != ""
	})
	if !strings.Contains(notification, "Ransomware") || !strings.Contains(notification, "srv-sql-07") || !strings.HasSuffix(notification, "|I have it") {
		t.Errorf("notification: got %q", notification)
	}

	worker := workerOf(t, ctx, app.baseURL+"/worker.js")
	opened, err := chromedp.Run(worker, chromedp.Evaluate[string](fmt.Sprintf(pressed, ""), chromedp.EvalAwaitPromise))
	if err != nil || !strings.HasPrefix(opened, app.baseURL+"/ack/") {
		t.Fatalf("pressed: opened %q, %v", opened, err)
	}
	if ticket, err := app.rooms.tickets.Get(t.Context(), 1001); err != nil || ticket.State != tickets.Open {
		t.Errorf("after it was opened: got %s, %v", ticket.State, err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(opened), chromedp.WaitVisible(`main button.big`), chromedp.Click(`main button.big`), chromedp.WaitVisible(`main .done`)); err != nil {
		t.Fatalf("acknowledge: %v", err)
	}
	if ticket, err := app.rooms.tickets.Get(t.Context(), 1001); err != nil || ticket.State != tickets.Acknowledged || ticket.AcknowledgedBy != "ana" {
		t.Errorf("after the button: got %s by %q, %v", ticket.State, ticket.AcknowledgedBy, err)
	}
	if told := complaints(); len(told) > 0 {
		t.Errorf("the browser complains:\n%s", strings.Join(told, "\n"))
	}
}

// registrationOf waits for the registration of a page's worker.
func registrationOf(t *testing.T, events func(func(serviceworker.EventWorkerRegistrationUpdated, error) bool), origin string) (id serviceworker.RegistrationID) {
	t.Helper()
	for event, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		for _, registration := range event.Registrations {
			if strings.HasPrefix(registration.ScopeURL, origin) && !registration.IsDeleted {
				return registration.RegistrationID
			}
		}
	}
	t.Fatal("there is no registration")
	return ""
}

// workerOf attaches to a worker by its address.
func workerOf(t *testing.T, ctx context.Context, url string) (worker context.Context) {
	t.Helper()
	var found target.ID
	eventually(t, "the worker runs", func() bool {
		all, err := chromedp.Targets(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range all {
			if info.Type == "service_worker" && info.URL == url {
				found = info.TargetID
				return true
			}
		}
		return false
	})
	worker, cancel := chromedp.NewContext(ctx, chromedp.WithTargetID(found))
	t.Cleanup(cancel)
	return worker
}
