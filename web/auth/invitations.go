package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// InvitationLifetime is how long the link of an invitation lets somebody make an account.
const InvitationLifetime = 7 * 24 * time.Hour

// invitationsKept is how long what became of an invitation can be told to whoever opens its link.
const invitationsKept = 90 * 24 * time.Hour

// InvitationState is how far an invitation has come.
type InvitationState string

// The states of an invitation. One that is expired can be sent again; one that is replaced has been.
const (
	InvitationOpen     InvitationState = "open"
	InvitationExpired  InvitationState = "expired"
	InvitationUsed     InvitationState = "used"
	InvitationRevoked  InvitationState = "revoked"
	InvitationReplaced InvitationState = "replaced"
)

// Invitation lets one person make an account with a role. Person is the id of whoever of the team it is, or empty.
type Invitation struct {
	ID        int64
	Email     string
	Name      string // as whoever invites knows it; may be empty
	Role      Role
	Person    string
	InvitedBy string
	Inviter   string // the name of InvitedBy, or its id
	CreatedAt time.Time
	ExpiresAt time.Time
	SentAt    *time.Time
	SendError string
	State     InvitationState
}

const invitationColumns = `
	invitations.id, invitations.email, invitations.name, invitations.role, person, invited_by, coalesce(accounts.name, invited_by) AS inviter,
	invitations.created_at, expires_at, sent_at, send_error, coalesce(ending, CASE WHEN expires_at > $1 THEN 'open' ELSE 'expired' END) AS state
	FROM invitations LEFT JOIN accounts ON accounts.id = invited_by`

// Invite keeps an invitation on behalf of by, and returns it with the token of its link, which is not to be had again.
func (a *Auth) Invite(ctx context.Context, by string, invitation Invitation) (made Invitation, token string, err error) {
	invitation.Email, invitation.Name = strings.TrimSpace(invitation.Email), strings.TrimSpace(invitation.Name)
	name := invitation.Name
	if name == "" {
		name = invitation.Email // whoever is invited gives it
	}
	if err := checkAccount(name, invitation.Email, invitation.Role); err != nil {
		return Invitation{}, "", err
	}
	if invitation.Person != "" && !accountID.MatchString(invitation.Person) {
		return Invitation{}, "", &tickets.InvalidError{Field: "person", Reason: "choose one of the people"}
	}
	invitation.InvitedBy, token = by, newSecret()
	err = a.audited(ctx, by, fmt.Sprintf("%s invited: %s", invitation.Email, invitation.Role), func(tx pgx.Tx) error {
		made, err = a.invite(ctx, tx, invitation, token)
		return err
	})
	return made, token, invitationError(err)
}

// invite writes an invitation where nothing stands against it.
func (a *Auth) invite(ctx context.Context, tx pgx.Tx, invitation Invitation, token string) (Invitation, error) {
	now := a.now()
	var account string
	err := tx.QueryRow(ctx, `SELECT id FROM accounts WHERE lower(email) = lower($1) OR id = nullif($2, '') LIMIT 1`, invitation.Email, invitation.Person).Scan(&account)
	if err == nil {
		return Invitation{}, &tickets.ConflictError{Reason: fmt.Sprintf("the account %s is there already; give it a sign-in link instead", account)}
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return Invitation{}, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM invitations WHERE coalesce(ended_at, expires_at) < $1`, now.Add(-invitationsKept)); err != nil {
		return Invitation{}, err
	}
	_, err = tx.Exec(ctx, `
		UPDATE invitations SET ended_at = $2, ending = 'replaced' WHERE lower(email) = lower($1) AND ending IS NULL AND expires_at <= $2`, invitation.Email, now)
	if err != nil {
		return Invitation{}, err
	}
	var id int64
	err = tx.QueryRow(ctx, `
		INSERT INTO invitations (token_hash, email, name, role, person, invited_by, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
		digest(token), invitation.Email, invitation.Name, invitation.Role, invitation.Person, invitation.InvitedBy, now, now.Add(InvitationLifetime)).Scan(&id)
	if violates(err, uniqueViolation) {
		return Invitation{}, &tickets.ConflictError{Reason: invitation.Email + " is invited already; send that invitation again, or revoke it first"}
	}
	if err != nil {
		return Invitation{}, err
	}
	return a.readInvitation(ctx, tx, ` WHERE invitations.id = $2`, id)
}

// InviteAgain puts a new link in the place of an invitation's former one, for another week.
func (a *Auth) InviteAgain(ctx context.Context, by string, id int64) (made Invitation, token string, err error) {
	token = newSecret()
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		former, err := a.endInvitation(ctx, tx, id, InvitationReplaced)
		if err != nil {
			return err
		}
		former.InvitedBy = by
		if made, err = a.invite(ctx, tx, former, token); err != nil {
			return err
		}
		return a.audit(ctx, tx, by, fmt.Sprintf("%s invited again: %s", made.Email, made.Role))
	})
	return made, token, invitationError(err)
}

// RevokeInvitation ends an invitation: its link lets nobody in any more.
func (a *Auth) RevokeInvitation(ctx context.Context, by string, id int64) error {
	return invitationError(pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		ended, err := a.endInvitation(ctx, tx, id, InvitationRevoked)
		if err != nil {
			return err
		}
		return a.audit(ctx, tx, by, "invitation of "+ended.Email+" revoked")
	}))
}

func (a *Auth) endInvitation(ctx context.Context, tx pgx.Tx, id int64, ending InvitationState) (Invitation, error) {
	ended, err := tx.Exec(ctx, `UPDATE invitations SET ended_at = $2, ending = $3 WHERE id = $1 AND ending IS NULL`, id, a.now(), ending)
	if err != nil {
		return Invitation{}, err
	}
	if ended.RowsAffected() == 0 {
		return Invitation{}, &tickets.ConflictError{Reason: "this invitation was used, revoked or sent again in the meantime"}
	}
	return a.readInvitation(ctx, tx, ` WHERE invitations.id = $2`, id)
}

// NoteInvitationMail writes down what became of the mail with an invitation's link; an empty fault means that it left.
func (a *Auth) NoteInvitationMail(ctx context.Context, id int64, fault string) error {
	_, err := a.pool.Exec(ctx, `UPDATE invitations SET sent_at = CASE WHEN $2 = '' THEN $3::timestamptz END, send_error = $2 WHERE id = $1`, id, fault, a.now())
	if err != nil {
		return fmt.Errorf("note mail of invitation %d: %w", id, classify(err))
	}
	return nil
}

// Invitations are those that wait for somebody, expired ones too, the newest first.
func (a *Auth) Invitations(ctx context.Context) ([]Invitation, error) {
	rows, err := a.pool.Query(ctx, `SELECT`+invitationColumns+` WHERE ending IS NULL ORDER BY invitations.id DESC`, a.now())
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", classify(err))
	}
	invitations, err := pgx.CollectRows(rows, pgx.RowToStructByName[Invitation])
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", classify(err))
	}
	return invitations, nil
}

// InvitationOf is what a link stands for, whatever its state; tickets.ErrNotFound where no link was ever like it. It uses
// nothing up.
func (a *Auth) InvitationOf(ctx context.Context, token string) (Invitation, error) {
	invitation, err := a.readInvitation(ctx, a.pool, ` WHERE token_hash = $2`, digest(token))
	return invitation, invitationError(err)
}

type querier interface {
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
}

func (a *Auth) readInvitation(ctx context.Context, in querier, where string, key any) (Invitation, error) {
	rows, err := in.Query(ctx, `SELECT`+invitationColumns+where, a.now(), key)
	if err != nil {
		return Invitation{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Invitation])
}

// Accept uses an invitation's link up: it makes the account and begins its session. people are the ids of the team, none of
// which an account gets by its address alone. Faults in name and password are InvalidErrors and leave the link as it is; one
// that does not work any more is tickets.ErrNotFound.
func (a *Auth) Accept(ctx context.Context, token, name, password string, people []string) (Identity, error) {
	invitation, err := a.InvitationOf(ctx, token) // before the work of a hash
	if err != nil {
		return Identity{}, err
	}
	if invitation.State != InvitationOpen {
		return Identity{}, invitationError(pgx.ErrNoRows)
	}
	name = strings.TrimSpace(name)
	if err := checkAccount(name, invitation.Email, invitation.Role); err != nil {
		return Identity{}, err
	}
	if err := checkPassword(password); err != nil {
		return Identity{}, err
	}
	hash, err := a.hasher.hash(ctx, password)
	if err != nil {
		return Identity{}, fmt.Errorf("hash password: %w", classify(err))
	}
	identity := Identity{Name: name, Role: invitation.Role}
	err = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) (err error) {
		if identity.ID, err = a.acceptIn(ctx, tx, invitation, people); err != nil {
			return err
		}
		return a.insertAccount(ctx, tx, Account{ID: identity.ID, Name: name, Email: invitation.Email, Role: invitation.Role}, hash)
	})
	if err != nil {
		return Identity{}, invitationError(err)
	}
	return identity, a.begin(ctx, identity)
}

// acceptIn uses an invitation up and returns the id for its account.
func (a *Auth) acceptIn(ctx context.Context, tx pgx.Tx, invitation Invitation, people []string) (id string, err error) {
	used, err := tx.Exec(ctx, `
		UPDATE invitations SET ended_at = $2, ending = 'used' WHERE id = $1 AND ending IS NULL AND expires_at > $2`, invitation.ID, a.now())
	if err != nil {
		return "", err
	}
	if used.RowsAffected() == 0 {
		return "", pgx.ErrNoRows
	}
	id = invitation.Person
	if id == "" {
		if id, err = freeID(ctx, tx, invitation.Email, people); err != nil {
			return "", err
		}
	}
	return id, a.audit(ctx, tx, id, fmt.Sprintf("account %s made by the invitation of %s: %s", id, invitation.InvitedBy, invitation.Role))
}

func (a *Auth) insertAccount(ctx context.Context, tx pgx.Tx, account Account, hash string) error {
	_, err := tx.Exec(ctx, `INSERT INTO accounts (id, name, email, role, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		account.ID, account.Name, account.Email, account.Role, hash, a.now())
	if violates(err, uniqueViolation) {
		return &tickets.ConflictError{Reason: "an account of this address or person is there already; ask an administrator for a sign-in link"}
	}
	return err
}

// freeID is an id for an account that belongs to nobody of the team: that of the address, or the like of it.
func freeID(ctx context.Context, tx pgx.Tx, email string, people []string) (string, error) {
	first := idFrom(email)
	candidates := []string{first}
	for i := 2; i < 100; i++ {
		suffix := fmt.Sprintf("-%d", i)
		candidates = append(candidates, first[:min(len(first), 64-len(suffix))]+suffix)
	}
	rows, err := tx.Query(ctx, `SELECT id FROM accounts WHERE id = ANY($1)`, candidates)
	if err != nil {
		return "", err
	}
	taken, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", err
	}
	for _, id := range candidates {
		if !slices.Contains(taken, id) && !slices.Contains(people, id) {
			return id, nil
		}
	}
	return "", &tickets.ConflictError{Reason: "too many accounts have an id like " + first}
}

func invitationError(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("invitation: %w", tickets.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("invitation: %w", classify(err))
	}
	return nil
}
