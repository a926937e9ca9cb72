package ticketdb

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// selection chooses stored mails: those of a ticket, or of a scope, after one id and up to another (0: to the last).
type selection struct {
	ticket      int64
	scope       string
	after, upto int64
}

// storedMail is a mail that was read, with what was read and its body.
type storedMail struct {
	mail   tickets.Mail
	digest []byte
	before tickets.Alert
	raw    []byte
}

// family is the ticket that a ticket went into, by however many joins, for every ticket that stays as itself for the rest.
const family = `
	WITH RECURSIVE family (number, root) AS (
		SELECT number, number FROM tickets WHERE merged_into IS NULL AND number = ANY($1)
		UNION ALL
		SELECT t.number, f.root FROM tickets t JOIN family f ON t.merged_into = f.number
	) `

// loadStored returns the next batch of a selection, in the order of ids. A mail whose body was removed is left out.
func loadStored(ctx context.Context, tx pgx.Tx, which selection) ([]storedMail, error) {
	const columns = `
		SELECT m.id, m.ticket, m.received_at, m.envelope_from, m.envelope_to, m.digest, m.imported, m.alert, body.raw FROM (
			SELECT *, sum(size) OVER (ORDER BY id) - size AS before FROM (
				SELECT id, ticket, received_at, envelope_from, envelope_to, digest, imported, alert, size FROM mails
				WHERE state = 'read' AND alert IS NOT NULL AND id > $1 AND ($2 = 0 OR id <= $2) `
	const rest = `
				ORDER BY id LIMIT $3
			) candidates
		) m JOIN mail_bodies body ON body.mail = m.id AND body.received_at = m.received_at
		WHERE m.before < $4 ORDER BY m.id`
	where, args := "", []any{which.after, which.upto, reparseMails, reparseOctets}
	switch {
	case which.ticket != 0:
		where, args = `AND ticket IN (SELECT number FROM tickets WHERE number = $5 OR merged_into = $5)`, append(args, which.ticket)
	case which.scope == tickets.ScopeUnrecognised:
		where = `AND alert ->> 'kind' = 'unrecognised'`
	}
	rows, err := tx.Query(ctx, columns+where+rest, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (storedMail, error) {
		var s storedMail
		err := row.Scan(&s.mail.ID, &s.mail.Ticket, &s.mail.ReceivedAt, &s.mail.Envelope.From, &s.mail.Envelope.To, &s.digest, &s.mail.Imported, &s.before, &s.raw)
		return s, err
	})
}

// readAgain parses mails and writes what follows: the mails' new readings, the facts and keys of their tickets, and an
// event on each timeline that says what changed. Nobody is told, except where the severity of a ticket that is not
// resolved goes up: whoever decided to let it wait, or acknowledged it, decided about something else.
func (s *Store) readAgain(ctx context.Context, tx pgx.Tx, stored []storedMail, parse func(raw []byte) tickets.Alert, actor string, now time.Time) (tickets.Reread, error) {
	reread := tickets.Reread{Mails: len(stored)}
	alerts := map[int64]tickets.Alert{} // by mail
	var numbers []int64
	var keys []string
	for _, mail := range stored {
		if alert, ok := parseSafely(parse, mail.raw); ok && tickets.Differs(mail.before, alert) {
			alerts[mail.mail.ID] = alert
			numbers = append(numbers, mail.mail.Ticket)
			keys = append(keys, tickets.Keys(mail.before, mail.mail.ReceivedAt, mail.digest)...)
			keys = append(keys, tickets.Keys(alert, mail.mail.ReceivedAt, mail.digest)...)
		}
	}
	if len(alerts) == 0 {
		return reread, nil
	}
	// Keys before tickets, as mail that comes in does it: the two cannot hold each other up for ever.
	if _, err := tx.Exec(ctx, `
		SELECT count(pg_advisory_xact_lock($1, lock)) FROM (SELECT lock FROM unnest($2::int[]) AS lock ORDER BY lock) ordered`,
		keyLocks, lockNumbers(keys)); err != nil {
		return reread, err
	}
	families, err := loadFamilies(ctx, tx, numbers, alerts)
	if err != nil {
		return reread, err
	}
	w := rewriting{now: now, actor: actor}
	for _, family := range families {
		reread.Changed += w.family(family, &reread)
	}
	if reread.Changed == 0 {
		return reread, nil
	}
	if err := w.write(ctx, tx); err != nil {
		return reread, err
	}
	if len(w.changes) == 0 {
		return reread, nil
	}
	return reread, s.hook(ctx, tx, w.changes)
}

// parseSafely leaves a mail as it was read where the parser fails on it.
func parseSafely(parse func(raw []byte) tickets.Alert, raw []byte) (alert tickets.Alert, ok bool) {
	defer func() { ok = recover() == nil }()
	return parse(raw), true
}

// ticketFamily is a ticket with all mails behind it.
type ticketFamily struct {
	ticket tickets.Ticket
	mails  []familyMail
}

type familyMail struct {
	storedMail
	after   tickets.Alert
	changed bool
}

// loadFamilies locks the tickets of mails, or what those were joined to, and fetches every reading behind them.
func loadFamilies(ctx context.Context, tx pgx.Tx, numbers []int64, alerts map[int64]tickets.Alert) ([]*ticketFamily, error) {
	slices.Sort(numbers)
	roots, err := rootsOf(ctx, tx, slices.Compact(numbers))
	if err != nil || len(roots) == 0 {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT `+ticketColumns+` FROM tickets t WHERE number = ANY($1) ORDER BY number FOR NO KEY UPDATE`, roots)
	if err != nil {
		return nil, err
	}
	locked, err := pgx.CollectRows(rows, pgx.RowToAddrOfStructByName[ticketRow])
	if err != nil {
		return nil, err
	}
	families := make([]*ticketFamily, len(locked))
	byNumber := map[int64]*ticketFamily{}
	for i, row := range locked {
		families[i] = &ticketFamily{ticket: row.ticket()}
		byNumber[row.Number] = families[i]
	}
	// What a mail says at length is not needed to tell what its ticket says, but for the mails that are compared.
	rows, err = tx.Query(ctx, family+`
		SELECT f.root, m.id, m.received_at, m.envelope_from, m.envelope_to, m.digest, m.imported,
			CASE WHEN m.id = ANY($2) THEN m.alert ELSE m.alert - 'text' END
		FROM mails m JOIN family f ON f.number = m.ticket
		WHERE m.state = 'read' AND m.alert IS NOT NULL ORDER BY m.id`, roots, keysOf(alerts))
	if err != nil {
		return nil, err
	}
	var root int64
	var mail familyMail
	_, err = pgx.ForEachRow(rows, []any{&root, &mail.mail.ID, &mail.mail.ReceivedAt, &mail.mail.Envelope.From, &mail.mail.Envelope.To, &mail.digest, &mail.mail.Imported, &mail.before}, func() error {
		one := mail
		one.after = one.before
		if alert, again := alerts[one.mail.ID]; again && tickets.Differs(one.before, alert) {
			one.after, one.changed = alert, true
		}
		byNumber[root].mails = append(byNumber[root].mails, one)
		mail = familyMail{}
		return nil
	})
	return families, err
}

// rootsOf are the tickets that the given ones went into, or they themselves.
func rootsOf(ctx context.Context, tx pgx.Tx, numbers []int64) ([]int64, error) {
	rows, err := tx.Query(ctx, `
		WITH RECURSIVE ancestors (number, merged_into) AS (
			SELECT number, merged_into FROM tickets WHERE number = ANY($1)
			UNION
			SELECT t.number, t.merged_into FROM tickets t JOIN ancestors a ON t.number = a.merged_into
		)
		SELECT number FROM ancestors WHERE merged_into IS NULL ORDER BY number`, numbers)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

func keysOf(alerts map[int64]tickets.Alert) []int64 {
	ids := make([]int64, 0, len(alerts))
	for id := range alerts {
		ids = append(ids, id)
	}
	return ids
}

// rewriting gathers what reading again changes.
type rewriting struct {
	now     time.Time
	actor   string
	mails   []tickets.Reading
	words   []tickets.Outcome // by what the tickets are found
	tickets []*tickets.Ticket
	claims  map[string]int64
	dropped []tickets.KeyClaim
	entries []tickets.Entry
	changes []tickets.Change
}

// family takes in what became of one ticket and returns how many of its mails read differently.
func (w *rewriting) family(f *ticketFamily, reread *tickets.Reread) (changed int) {
	var before, after []tickets.Alert
	var ids []int64
	held, said, gone := map[string]bool{}, map[string]bool{}, map[string]bool{}
	var latest tickets.Reading
	for _, mail := range f.mails {
		before, after = append(before, mail.before), append(after, mail.after)
		reading := tickets.NewReading(mail.mail, mail.after, mail.digest)
		for _, key := range reading.Keys {
			held[key] = true
		}
		if mail.changed {
			latest = reading
			ids = append(ids, mail.mail.ID)
			w.mails = append(w.mails, reading)
			w.words = append(w.words, tickets.Outcome{Reading: reading, Ticket: &f.ticket, State: tickets.MailRead})
			for _, key := range reading.Keys {
				said[key] = true
			}
			for _, key := range tickets.Keys(mail.before, mail.mail.ReceivedAt, mail.digest) {
				gone[key] = true
			}
		}
	}
	if len(ids) == 0 {
		return 0
	}
	ticket := &f.ticket
	was := *ticket
	fields := tickets.ReadAgain(ticket, before, after)
	w.keys(ticket, held, said, gone)
	if len(fields) == 0 {
		return len(ids)
	}
	ticket.UpdatedAt = w.now
	w.tickets = append(w.tickets, ticket)
	w.entries = append(w.entries, tickets.Entry{Ticket: ticket.Number, Event: tickets.Event{
		At: w.now, Type: tickets.EventReread, Actor: w.actor, Data: map[string]any{"changes": shortened(fields), "mail_ids": ids},
	}})
	raised := was.State != tickets.Resolved && ticket.Severity.Above(was.Severity)
	if raised {
		w.raise(ticket, was, latest)
	}
	reread.Tickets = append(reread.Tickets, tickets.TicketChange{Number: ticket.Number, Title: ticket.Title, Fields: fields, Raised: raised})
	return len(ids)
}

// keys gives the ticket the keys that the mails read again have now, and takes from it those of their former readings that
// no mail of it has any more.
func (w *rewriting) keys(ticket *tickets.Ticket, held, said, gone map[string]bool) {
	if w.claims == nil {
		w.claims = map[string]int64{}
	}
	for key := range said {
		if _, taken := w.claims[key]; !taken {
			w.claims[key] = ticket.Number
		}
	}
	for key := range gone {
		if !held[key] {
			w.dropped = append(w.dropped, tickets.KeyClaim{Key: key, Ticket: ticket})
		}
	}
}

func (w *rewriting) raise(ticket *tickets.Ticket, was tickets.Ticket, reading tickets.Reading) {
	w.entries = append(w.entries, tickets.Entry{Ticket: ticket.Number, Event: tickets.Event{
		At: w.now, Type: tickets.EventRaised, Actor: w.actor, Data: map[string]any{"from": was.Severity, "to": ticket.Severity},
	}})
	change := tickets.Change{
		Kind: tickets.ChangeRaised, Ticket: ticket, At: w.now, Actor: w.actor,
		From: reading.Alert.Message.From, To: reading.Mail.Envelope.To, Status: reading.Alert.Status,
	}
	if reading.Alert.Message.AutoSubmitted {
		change.Silent = "an auto-reply or a bounce pages nobody"
	}
	if was.State == tickets.Acknowledged {
		change.Owner = was.AcknowledgedBy
		ticket.State, ticket.AcknowledgedAt, ticket.AcknowledgedBy = tickets.Open, nil, ""
		w.entries = append(w.entries, tickets.Entry{Ticket: ticket.Number, Event: tickets.Event{At: w.now, Type: tickets.EventReopened, Actor: tickets.ActorSystem}})
	}
	w.changes = append(w.changes, change)
}

// longestChange bounds a value in a timeline's entry, in characters; the mail has the whole.
const longestChange = 300

func shortened(fields []tickets.FieldChange) []tickets.FieldChange {
	short := slices.Clone(fields)
	for i := range short {
		for _, text := range []*string{&short[i].From, &short[i].To} {
			if runes := []rune(*text); len(runes) > longestChange {
				*text = string(runes[:longestChange]) + "…"
			}
		}
	}
	return short
}

// write sends everything in one round trip.
func (w *rewriting) write(ctx context.Context, tx pgx.Tx) error {
	batch := &pgx.Batch{}
	var keys, dropped []string
	var owners, droppers []int64
	for key := range w.claims {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		owners = append(owners, w.claims[key])
	}
	for _, drop := range w.dropped {
		dropped, droppers = append(dropped, storable(drop.Key)), append(droppers, drop.Ticket.Number)
	}
	if err := queueTickets(batch, tickets.Plan{Changed: w.tickets, Outcomes: w.words}); err != nil {
		return err
	}
	batch.Queue(`DELETE FROM ticket_keys k USING unnest($1::text[], $2::bigint[]) AS d (key, ticket) WHERE k.key = d.key AND k.ticket = d.ticket`, dropped, droppers)
	for i := range keys {
		keys[i] = storable(keys[i])
	}
	// A key that another unresolved ticket has stays there: tickets are joined by mails that come in, not by old ones.
	batch.Queue(`
		INSERT INTO ticket_keys (key, ticket, active)
		SELECT k.key, k.ticket, t.state <> 'resolved' AND NOT EXISTS (SELECT FROM ticket_keys o WHERE o.key = k.key AND o.active AND o.ticket <> k.ticket)
		FROM unnest($1::text[], $2::bigint[]) AS k (key, ticket) JOIN tickets t ON t.number = k.ticket
		ON CONFLICT (key, ticket) DO NOTHING`, keys, owners)
	if err := queueRereadMails(batch, w.mails); err != nil {
		return err
	}
	if err := QueueEvents(batch, w.entries); err != nil {
		return err
	}
	return tx.SendBatch(ctx, batch).Close()
}

func queueRereadMails(batch *pgx.Batch, readings []tickets.Reading) error {
	n := len(readings)
	ids, messageIDs, subjects := make([]int64, n), make([]string, n), make([]string, n)
	fingerprints, alerts := make([][]byte, n), make([]string, n)
	for i, reading := range readings {
		content, err := json.Marshal(reading.Alert)
		if err != nil {
			return err
		}
		ids[i], messageIDs[i], subjects[i] = reading.Mail.ID, storable(reading.Alert.Message.MessageID), storable(reading.Alert.Message.Subject)
		fingerprints[i], alerts[i] = reading.Fingerprint, string(content)
	}
	batch.Queue(`
		UPDATE mails SET message_id = m.message_id, subject = m.subject, fingerprint = m.fingerprint, alert = m.alert
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::jsonb[]) AS m (id, message_id, subject, fingerprint, alert)
		WHERE mails.id = m.id AND mails.state = 'read'`,
		ids, messageIDs, subjects, fingerprints, alerts)
	return nil
}
