package push_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"afterhours/oncall/notify"
	"afterhours/oncall/notify/notifytest"
	"afterhours/oncall/notify/push"
)

// device is a browser that subscribed.
type device struct {
	key  *ecdh.PrivateKey
	auth []byte
}

func newDevice(t *testing.T) device {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	auth := make([]byte, 16)
	if _, err := rand.Read(auth); err != nil {
		t.Fatal(err)
	}
	return device{key, auth}
}

func (d device) keys() string {
	encode := base64.RawURLEncoding.EncodeToString
	return `{"p256dh":"` + encode(d.key.PublicKey().Bytes()) + `","auth":"` + encode(d.auth) + `"}`
}

// open decrypts a message as RFC 8291 and RFC 8188 say.
func (d device) open(t *testing.T, body []byte) []byte {
	t.Helper()
	salt, length := body[:16], int(body[20])
	sender, err := ecdh.P256().NewPublicKey(body[21 : 21+length])
	if err != nil {
		t.Fatal(err)
	}
	shared, err := d.key.ECDH(sender)
	if err != nil {
		t.Fatal(err)
	}
	derive := func(secret, salt []byte, info string, size int) []byte {
		key, err := hkdf.Key(sha256.New, secret, salt, info, size)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	material := derive(shared, d.auth, "WebPush: info\x00"+string(d.key.PublicKey().Bytes())+string(sender.Bytes()), 32)
	block, err := aes.NewCipher(derive(material, salt, "Content-Encoding: aes128gcm\x00", 16))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := aead.Open(nil, derive(material, salt, "Content-Encoding: nonce\x00", 12), body[21+length:], nil)
	if err != nil {
		t.Fatalf("decrypt: %v", err)
	}
	return plain[:bytes.LastIndexByte(plain, 2)] // the padding begins with the octet 2
}

func browsers(t *testing.T) *push.Channel {
	t.Helper()
	keys, err := push.DeriveKeys([]byte("thirty-two octets of a secret ..")[:32])
	if err != nil {
		t.Fatal(err)
	}
	return push.New(push.Options{
		Client: notify.NewHTTPClient(notify.Guard{AllowPrivate: true}), Now: time.Now, AllowPrivate: true, Keys: keys, Subscriber: "afterhours@mx.example",
	})
}

func TestTheContractHoldsForBrowsers(t *testing.T) {
	t.Parallel()
	phone := newDevice(t)
	notifytest.Run(t, notifytest.Subject{
		Channel: browsers(t),
		Contact: func(url string) notify.Contact {
			return notify.Contact{Address: url + "/wpush/v2/gAAAAhush", Secret: phone.keys()}
		},
		Answers: map[string]notifytest.Answer{
			"a subscription that ended": {Send: notifytest.JSON(410, `{"errno":106}`), Permanent: true},
			"another key":               {Send: notifytest.JSON(403, `{"errno":109}`), Permanent: true},
			"too much at once":          {Send: notifytest.JSON(413, ``), Permanent: true},
		},
		Accept: func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) {
			for header, want := range map[string]string{"Content-Encoding": "aes128gcm", "Ttl": "600", "Urgency": "high", "Topic": "ticket-1042"} {
				if got := r.Header.Get(header); got != want {
					t.Errorf("%s: got %q, want %q", header, got, want)
				}
			}
			authorization := r.Header.Get("Authorization")
			if !strings.HasPrefix(authorization, "vapid t=") || !strings.Contains(authorization, "k="+browsers(t).Keys.Public) {
				t.Errorf("authorization: got %q", authorization)
			}
			if len(body) > 4096 {
				t.Errorf("a body of %d octets", len(body))
			}
			var note struct {
				Title, Body, URL, Tag string
				Acknowledge           bool
			}
			if err := json.Unmarshal(phone.open(t, body), &note); err != nil || note.Title != notifytest.Message().Subject || note.URL != notifytest.Message().Link ||
				!note.Acknowledge || note.Tag != "ticket-1042" || !strings.HasPrefix(note.Body, "Users: ") {
				t.Errorf("note: got %+v, %v", note, err)
			}
			w.WriteHeader(http.StatusCreated)
		},
	})
}

func TestOnlySubscriptionsAreSecretsOfBrowsers(t *testing.T) {
	t.Parallel()
	channel, phone := browsers(t), newDevice(t)
	const endpoint = "https://updates.push.services.mozilla.com/wpush/v2/gAAAA?x=1"
	for secret, ok := range map[string]bool{
		phone.keys(): true, `{}`: false, `{"p256dh":"AAAA","auth":"AAAA"}`: false, `{"p256dh":`: false, strings.Replace(phone.keys(), `"auth":"`, `"auth":"x`, 1): false,
	} {
		if err := channel.Check(notify.Contact{Address: endpoint, Secret: secret}); (err == nil) != ok {
			t.Errorf("%s: got %v", secret, err)
		} else if err != nil && len(secret) > 40 && strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
	if err := channel.Check(notify.Contact{Address: "http://127.0.0.1.example/x", Secret: phone.keys()}); err != nil {
		t.Errorf("the guard is lifted here: %v", err)
	}
	if err := push.New(push.Options{}).Check(notify.Contact{Address: "https://127.0.0.1/x", Secret: phone.keys()}); err == nil {
		t.Error("an endpoint inside is taken")
	}
}

func TestKeysAreTheSameForTheSameSecret(t *testing.T) {
	t.Parallel()
	first, err := push.DeriveKeys(make([]byte, 32)) // outside of the order: another is derived
	if err != nil {
		t.Fatal(err)
	}
	again, _ := push.DeriveKeys(make([]byte, 32))
	other, _ := push.DeriveKeys([]byte(strings.Repeat("x", 32)))
	if first != again || first == other || len(first.Public) != 87 || len(first.Private) != 43 {
		t.Errorf("got %+v, %+v and %+v", first, again, other)
	}
}
