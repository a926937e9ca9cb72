package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// invite invites somebody on behalf of ana.
func (a *Auth) inviteOf(t testing.TB, invitation Invitation) (made Invitation, token string) {
	t.Helper()
	made, token, err := a.Invite(t.Context(), "ana", invitation)
	if err != nil {
		t.Fatal(err)
	}
	return made, token
}

func (a *Auth) accept(t testing.TB, token string, people ...string) (identity Identity, err error) {
	t.Helper()
	a.within(t, nil, func(ctx context.Context) { identity, err = a.Accept(ctx, token, "Ben Okafor", password, people) })
	return identity, err
}

func TestAnInvitationMakesOneAccount(t *testing.T) {
	t.Parallel()
	a, pool, _ := setup(t)
	a.first(t)
	made, token := a.inviteOf(t, Invitation{Email: " Ben@Example.com", Role: Responder})
	if made.Email != "Ben@Example.com" || made.Inviter != "Ana" || made.State != InvitationOpen || len(token) < 22 {
		t.Errorf("made: got %+v and a token of %d characters", made, len(token))
	}
	for range 3 {
		if got, err := a.InvitationOf(t.Context(), token); err != nil || got.State != InvitationOpen {
			t.Fatalf("opened: got %+v, %v", got, err)
		}
	}
	var in, out atomic.Int32
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			identity, err := a.accept(t, token)
			switch {
			case err == nil && identity == (Identity{ID: "ben", Name: "Ben Okafor", Role: Responder}):
				in.Add(1)
			case errors.Is(err, tickets.ErrNotFound):
				out.Add(1)
			default:
				t.Errorf("got %+v, %v", identity, err)
			}
		})
	}
	group.Wait()
	if in.Load() != 1 || out.Load() != 5 {
		t.Errorf("six at once: got %d in and %d out, want 1 and 5", in.Load(), out.Load())
	}
	if got, err := a.InvitationOf(t.Context(), token); err != nil || got.State != InvitationUsed {
		t.Errorf("afterwards: got %+v, %v, want used", got, err)
	}
	if _, _, err := a.signIn(t, "ben@example.com", password, "192.0.2.1:5"); err != nil {
		t.Errorf("sign-in with the password: %v", err)
	}
	if list, err := a.Invitations(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("list: got %+v, %v, want none that waits", list, err)
	}
	var clear int
	var log string
	err := pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM invitations WHERE strpos(invitations::text, $1) > 0), (SELECT string_agg(actor || ': ' || action, '; ' ORDER BY id) FROM audit_log)`,
		token).Scan(&clear, &log)
	if err != nil || clear != 0 {
		t.Errorf("tokens in clear: got %d, %v", clear, err)
	}
	for _, want := range []string{"ana: Ben@Example.com invited: responder", "ben: account ben made by the invitation of ana: responder"} {
		if !strings.Contains(log, want) {
			t.Errorf("audit log: got %q, want %q in it", log, want)
		}
	}
}

func TestWhatBecameOfAnInvitationIsKnown(t *testing.T) {
	t.Parallel()
	a, pool, now := setup(t)
	a.first(t)
	made, first := a.inviteOf(t, Invitation{Email: "ben@example.com", Role: Viewer})
	again, second, err := a.InviteAgain(t.Context(), "ana", made.ID)
	if err != nil || again.Email != made.Email || again.Role != Viewer || again.ID == made.ID {
		t.Fatalf("again: got %+v, %v", again, err)
	}
	if err := a.RevokeInvitation(t.Context(), "ana", again.ID); err != nil {
		t.Fatal(err)
	}
	_, late := a.inviteOf(t, Invitation{Email: "chi@example.com", Role: Viewer})
	now.pass(InvitationLifetime)
	for name, link := range map[InvitationState]string{InvitationReplaced: first, InvitationRevoked: second, InvitationExpired: late} {
		if got, err := a.InvitationOf(t.Context(), link); err != nil || got.State != name {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		if _, err := a.accept(t, link); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("%s: accepted, got %v", name, err)
		}
	}
	for _, forged := range []string{"", "x", "\x00", late + "x"} {
		if _, err := a.InvitationOf(t.Context(), forged); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("%q: got %v, want not found", forged, err)
		}
	}
	if err := a.RevokeInvitation(t.Context(), "ana", again.ID); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("revoked twice: got %v", err)
	}
	if _, _, err := a.InviteAgain(t.Context(), "ana", 99); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("of none: got %v", err)
	}
	if list, err := a.Invitations(t.Context()); err != nil || len(list) != 1 || list[0].State != InvitationExpired {
		t.Errorf("list: got %+v, %v, want the expired one", list, err)
	}
	a.inviteOf(t, Invitation{Email: "CHI@example.com", Role: Admin}) // the expired one does not stand against it
	now.pass(invitationsKept + time.Second)
	a.inviteOf(t, Invitation{Email: "dee@example.com", Role: Admin})
	var kept int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM invitations`).Scan(&kept); err != nil || kept != 2 {
		t.Errorf("after a season: got %d, %v, want those that have not ended so long ago", kept, err)
	}
}

func TestWhomAnInvitationIsRefused(t *testing.T) {
	t.Parallel()
	a, _, _ := setup(t)
	a.first(t)
	a.inviteOf(t, Invitation{Email: "ben@example.com", Role: Viewer})
	for _, c := range []struct {
		invitation Invitation
		want       error
	}{
		{Invitation{Email: "ANA@example.com", Role: Viewer}, tickets.ErrConflict},
		{Invitation{Email: "other@example.com", Role: Viewer, Person: "ana"}, tickets.ErrConflict},
		{Invitation{Email: "Ben@example.com", Role: Viewer}, tickets.ErrConflict},
		{Invitation{Email: "nowhere", Role: Viewer}, tickets.ErrInvalid},
		{Invitation{Email: "a@b.example\r\nBcc: all@b.example", Role: Viewer}, tickets.ErrInvalid},
		{Invitation{Email: "x@example.com", Role: "owner"}, tickets.ErrInvalid},
		{Invitation{Email: "x@example.com", Role: Viewer, Person: "A b"}, tickets.ErrInvalid},
		{Invitation{Email: "x@example.com", Name: strings.Repeat("x", 201), Role: Viewer}, tickets.ErrInvalid},
	} {
		if _, token, err := a.Invite(t.Context(), "ana", c.invitation); !errors.Is(err, c.want) || token != "" && err == nil {
			t.Errorf("%+v: got %v, want %v", c.invitation, err, c.want)
		}
	}
	_, token := a.inviteOf(t, Invitation{Email: "dee@example.com", Role: Viewer})
	for _, wrong := range [][2]string{{"", password}, {"Dee", "short"}, {"Dee", strings.Repeat("x", maxPassword+1)}} {
		a.within(t, nil, func(ctx context.Context) {
			if _, err := a.Accept(ctx, token, wrong[0], wrong[1], nil); !errors.Is(err, tickets.ErrInvalid) {
				t.Errorf("%.20q: got %v, want invalid", wrong, err)
			}
		})
	}
	if _, err := a.accept(t, token); err != nil {
		t.Errorf("after faults: got %v, want the link to work still", err)
	}
}

func TestAnAccountBecomesAPersonOnlyWhereTheInvitationSaysSo(t *testing.T) {
	t.Parallel()
	a, _, _ := setup(t)
	a.first(t)
	_, tied := a.inviteOf(t, Invitation{Email: "private@example.com", Role: Viewer, Person: "chi"})
	if who, err := a.accept(t, tied, "ana", "chi"); err != nil || who.ID != "chi" {
		t.Errorf("tied: got %+v, %v", who, err)
	}
	_, free := a.inviteOf(t, Invitation{Email: "chi@other.example", Role: Viewer})
	if who, err := a.accept(t, free, "ana", "chi", "chi-2"); err != nil || who.ID != "chi-3" {
		t.Errorf("not tied: got %+v, %v, want an id that is nobody's", who, err)
	}
}

func TestErasingSomebodyEndsTheirInvitations(t *testing.T) {
	t.Parallel()
	a, pool, _ := setup(t)
	a.first(t)
	_, token := a.inviteOf(t, Invitation{Email: "ben@example.com", Role: Viewer, Person: "ben"})
	a.inviteOf(t, Invitation{Email: "ben@home.example", Role: Viewer})
	a.inviteOf(t, Invitation{Email: "chi@example.com", Role: Viewer})
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := a.EraseIn(t.Context(), tx, tickets.Erasure{Person: "ben", Words: []string{"Ben Okafor", "Ben@home.example"}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.InvitationOf(t.Context(), token); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("the link: got %v, want not found", err)
	}
	if list, err := a.Invitations(t.Context()); err != nil || len(list) != 1 || list[0].Email != "chi@example.com" {
		t.Errorf("left: got %+v, %v", list, err)
	}
}

func TestTheMailOfAnInvitationIsNoted(t *testing.T) {
	t.Parallel()
	a, _, now := setup(t)
	a.first(t)
	made, _ := a.inviteOf(t, Invitation{Email: "ben@example.com", Role: Viewer})
	for _, fault := range []string{"no smarthost is configured", ""} {
		if err := a.NoteInvitationMail(t.Context(), made.ID, fault); err != nil {
			t.Fatal(err)
		}
		list, err := a.Invitations(t.Context())
		if err != nil || len(list) != 1 || list[0].SendError != fault || (list[0].SentAt != nil) != (fault == "") {
			t.Fatalf("%q: got %+v, %v", fault, list, err)
		}
		if at := list[0].SentAt; at != nil && at.Sub(now.now()).Abs() > time.Millisecond {
			t.Errorf("sent at %s, want %s", at, now.now())
		}
	}
}
