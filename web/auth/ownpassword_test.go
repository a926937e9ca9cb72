package auth

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"afterhours/tickets"
)

const another = "an entirely different one"

func TestAChangedPasswordEndsTheOtherSessions(t *testing.T) {
	t.Parallel()
	a, pool, _ := setup(t)
	a.first(t)
	_, other, err := a.signIn(t, "ana@example.com", password, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	_, own, err := a.signIn(t, "ana@example.com", password, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	change := func(present, next string) (err error) {
		renewed := a.within(t, own, func(ctx context.Context) { err = a.ChangePassword(ctx, "ana", present, next, somewhere) })
		if err == nil {
			if renewed == nil || renewed.Value == own.Value {
				t.Error("the session goes on under its former id")
			}
			own = renewed
		}
		return err
	}
	if err := change("wrong", another); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("a wrong one: got %v", err)
	}
	var invalid *tickets.InvalidError
	if err := change(password, "short"); !errors.As(err, &invalid) {
		t.Errorf("a short one: got %v", err)
	}
	if _, _, err := a.signIn(t, "ana@example.com", password, somewhere); err != nil {
		t.Errorf("after what was refused: got %v", err)
	}
	if err := change(password, another); err != nil {
		t.Fatal(err)
	}
	for name, session := range map[string]struct {
		cookie *http.Cookie
		goesOn bool
	}{"its own": {own, true}, "the other": {other, false}} {
		a.within(t, session.cookie, func(ctx context.Context) {
			if _, ok, err := a.Current(ctx); ok != session.goesOn || err != nil {
				t.Errorf("%s session: goes on %t, %v", name, ok, err)
			}
		})
	}
	if _, _, err := a.signIn(t, "ana@example.com", password, somewhere); !errors.Is(err, ErrWrongCredentials) {
		t.Errorf("the former password: got %v", err)
	}
	if _, _, err := a.signIn(t, "ana@example.com", another, somewhere); err != nil {
		t.Errorf("the new one: got %v", err)
	}
	var entries int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE actor = 'ana' AND action = 'account ana changed its password'`).Scan(&entries); err != nil || entries != 1 {
		t.Errorf("got %d entries, %v, want one", entries, err)
	}
}

func TestWrongPresentPasswordsCountAsFailedSignIns(t *testing.T) {
	t.Parallel()
	a, _, _ := setup(t)
	a.first(t)
	_, own, err := a.signIn(t, "ana@example.com", password, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	a.within(t, own, func(ctx context.Context) {
		for i := range failuresPerAccount {
			var err error
			if i%2 == 0 {
				err = a.ChangePassword(ctx, "ana", "wrong", another, somewhere)
			} else {
				err = a.Confirm(ctx, "ana", "wrong", somewhere)
			}
			if !errors.Is(err, ErrWrongPassword) {
				t.Fatalf("within the limit: got %v", err)
			}
		}
		var limited *LimitError
		if err := a.ChangePassword(ctx, "ana", password, another, somewhere); !errors.As(err, &limited) {
			t.Errorf("the right one, above the limit: got %v", err)
		}
		if err := a.Confirm(ctx, "ana", password, somewhere); !errors.As(err, &limited) {
			t.Errorf("confirmed, above the limit: got %v", err)
		}
	})
	var limited *LimitError
	if _, _, err := a.signIn(t, "ana@example.com", password, "198.51.100.9:5"); !errors.As(err, &limited) {
		t.Errorf("a sign-in: got %v", err)
	}
}

// TestAPasskeyIsAddedOnlyByWhoeverHasJustShownWhoTheyAre leaves a session open for ten minutes and more.
func TestAPasskeyIsAddedOnlyByWhoeverHasJustShownWhoTheyAre(t *testing.T) {
	t.Parallel()
	a, _, now := withPasskeys(t)
	if err := a.EnsureAccount(t.Context(), "ben", "Ben", "ben@example.com", "responder"); err != nil {
		t.Fatal(err)
	}
	ana, ben := newAuthenticator(t), newAuthenticator(t)
	a.add(t, "ana", ana)
	a.add(t, "ben", ben)
	_, session, err := a.signIn(t, "ana@example.com", password, somewhere)
	if err != nil {
		t.Fatal(err)
	}
	may := func(when string, want bool) {
		t.Helper()
		a.within(t, session, func(ctx context.Context) {
			_, err := a.BeginPasskey(ctx, "ana", somewhere)
			if want && err != nil || !want && !errors.Is(err, ErrUnconfirmed) || a.Confirmed(ctx) != want {
				t.Errorf("%s: got %v", when, err)
			}
		})
	}
	may("at once", true)
	now.pass(confirmedFor)
	may("later", false)
	a.within(t, session, func(ctx context.Context) {
		if err := a.Confirm(ctx, "ana", "wrong", somewhere); !errors.Is(err, ErrWrongPassword) {
			t.Errorf("a wrong password: got %v", err)
		}
	})
	may("after a wrong password", false)
	a.within(t, session, func(ctx context.Context) {
		if err := a.Confirm(ctx, "ana", password, somewhere); err != nil {
			t.Error(err)
		}
	})
	may("after the right one", true)
	now.pass(confirmedFor)
	a.within(t, session, func(ctx context.Context) {
		challenge, err := a.BeginConfirmation(ctx, "ana", somewhere)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.ConfirmByPasskey(ctx, "ana", challenge.Token, ben.sign(challenge), somewhere); !errors.Is(err, ErrPasskeyRefused) {
			t.Errorf("somebody else's passkey: got %v", err)
		}
		signIn := a.challenge(t)
		if err := a.ConfirmByPasskey(ctx, "ana", signIn.Token, ana.sign(signIn), somewhere); !errors.Is(err, ErrPasskeyRefused) {
			t.Errorf("a sign-in's challenge: got %v", err)
		}
	})
	may("after what was refused", false)
	a.within(t, session, func(ctx context.Context) {
		challenge, err := a.BeginConfirmation(ctx, "ana", somewhere)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.ConfirmByPasskey(ctx, "ana", challenge.Token, ana.sign(challenge), somewhere); err != nil {
			t.Error(err)
		}
	})
	may("after their own", true)
}

func TestTheProviderIsDisconnectedOnlyWhereAnotherWayInRemains(t *testing.T) {
	t.Parallel()
	a, p, pool, now := withProvider(t, nil)
	who, session, err := a.answered(t, p, nil, SignOnPurpose{Next: "/tickets"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ways, err := a.WaysIn(t.Context(), who.ID); err != nil || !ways.Provider || ways.Password || ways.Passkey || ways.Email == "" {
		t.Errorf("ways in: got %+v, %v", ways, err)
	}
	if err := a.Disconnect(t.Context(), who.ID); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("the only way in: got %v", err)
	}
	now.pass(confirmedFor)
	a.within(t, session, func(ctx context.Context) {
		if err := a.ChangePassword(ctx, who.ID, "", another, somewhere); !errors.Is(err, ErrUnconfirmed) {
			t.Errorf("a first password in an old session: got %v", err)
		}
	})
	_, session, err = a.answered(t, p, session, SignOnPurpose{Next: "/account", Account: who.ID}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.within(t, session, func(ctx context.Context) {
		if err := a.ChangePassword(ctx, who.ID, "", another, somewhere); err != nil {
			t.Errorf("a first password: got %v", err)
		}
	})
	if err := a.Disconnect(t.Context(), who.ID); err != nil {
		t.Fatal(err)
	}
	if err := a.Disconnect(t.Context(), who.ID); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("once more: got %v", err)
	}
	_, _, err = a.answered(t, p, nil, SignOnPurpose{Next: "/tickets"}, nil)
	wantRefused(t, "the provider after it", err, "an address alone does not prove", false)
	var entries int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE actor = $1 AND action = 'account ' || $1 || ' disconnected from the identity provider'`, who.ID).Scan(&entries); err != nil || entries != 1 {
		t.Errorf("got %d entries, %v, want one", entries, err)
	}
}
