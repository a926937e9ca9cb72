package ticketdb

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"afterhours/tickets"
)

// Bounds of the mails that readers of this process are handed from memory.
const (
	handedMails = 1000
	handedBytes = 16 << 20
	pauseMails  = 100 // from here on the readers are waited for before more is committed
	pauseBytes  = 2 << 20
	behindMails = 340 // and where they are so far behind
	behindBytes = 8 << 20
	behindPause = 40 * time.Millisecond // for so long, and no longer
	handedLease = 30 * time.Second      // after which another reader may take such a mail
	handedFresh = 17 * time.Second      // and how much of it must be left where one is begun
)

// handed are mails that were committed as claimed by this process already: its readers need not ask the database for what
// they have in memory. What finds no place is committed unclaimed. A process that dies leaves its leases behind, and they
// end like those of any reader.
type handed struct {
	mutex sync.Mutex
	mails []tickets.Claimed
	bytes int // of those that wait, and of those for which a place is kept
	count int
	// look says that there may be mail which is not here; alone that the readers are to have only what is here.
	look, alone atomic.Bool
}

// await lets the readers catch up before more is taken in: what they have not in memory they would have to fetch, and senders wait
// for their replies anyway where they send more than is read. The more waits to be read, the longer it takes, so that all replies
// take about as long, and none waits until the readers come for their next batch.
func (h *handed) await(ctx context.Context) {
	pause := h.pause()
	if pause <= 0 {
		return
	}
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}

func (h *handed) pause() time.Duration {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	behind := max(float64(h.count-pauseMails)/(behindMails-pauseMails), float64(h.bytes-pauseBytes)/(behindBytes-pauseBytes))
	return time.Duration(min(behind, 1) * float64(behindPause))
}

// reserve keeps places for as many of the mails, from the first on, as there are, and returns their number.
func (h *handed) reserve(mails []*waiting) int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for n, mail := range mails {
		if h.count == handedMails || h.bytes+len(mail.raw) > handedBytes {
			h.look.Store(true)
			return n
		}
		h.count, h.bytes = h.count+1, h.bytes+len(mail.raw)
	}
	return len(mails)
}

// put fills kept places; without ids it gives them back, and with leave those of mails for which nobody waits any more.
func (h *handed) put(mails []*waiting, ids []int64, until time.Time, leave bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for n, mail := range mails {
		if ids == nil || leave && mail.late {
			h.count, h.bytes = h.count-1, h.bytes-len(mail.raw)
			continue
		}
		stored := tickets.Mail{
			ID: ids[n], ReceivedAt: mail.envelope.ReceivedAt.UTC().Truncate(time.Microsecond), // as the database keeps it
			Size: len(mail.raw), State: tickets.MailAccepted, Envelope: tickets.Envelope{
				From: storable(mail.envelope.From), To: mail.envelope.To, Verified: mail.envelope.Verified,
				Authentication: storableAuthentication(mail.envelope.Authentication),
			},
		}
		stored.Envelope.ReceivedAt = stored.ReceivedAt
		h.mails = append(h.mails, tickets.Claimed{Mail: stored, Raw: mail.raw, Digest: mail.digest[:], Attempt: 1, Until: until})
	}
}

// take returns up to limit mails, oldest first, whose lease lasts for a while. Those that waited too long are left to their
// lease.
func (h *handed) take(limit int, now time.Time) []tickets.Claimed {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	var taken []tickets.Claimed
	for len(h.mails) > 0 && len(taken) < limit {
		mail := h.mails[0]
		h.mails[0] = tickets.Claimed{}
		h.mails = h.mails[1:]
		h.count, h.bytes = h.count-1, h.bytes-len(mail.Raw)
		if mail.Until.Sub(now) >= handedFresh {
			taken = append(taken, mail)
		} else {
			h.look.Store(true)
		}
	}
	return taken
}

// giveBack takes mails up again, before all others, as far as there is room.
func (h *handed) giveBack(mails []tickets.Claimed) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	fits := 0
	for fits < len(mails) && h.count < handedMails && h.bytes+len(mails[fits].Raw) <= handedBytes {
		h.count, h.bytes = h.count+1, h.bytes+len(mails[fits].Raw)
		fits++
	}
	h.mails = slices.Concat(mails[:fits], h.mails)
	if fits < len(mails) {
		h.look.Store(true)
	}
}

// GiveBack has mails read again that could not be written. Those whose lease is nearly over are left to its end.
func (i *Intake) GiveBack(mails []tickets.Claimed) { i.handed.giveBack(mails) }

// KeepToHanded says whether readers are to be given only what this process has in memory: while the database makes no
// tickets, what stands there is claimed in vain.
func (i *Intake) KeepToHanded(alone bool) {
	if i.handed.alone.Swap(alone) && !alone {
		i.Signal()
	}
}

// ClaimMails takes what this process committed itself from memory. Whatever else may wait comes first: it has waited
// longer.
func (i *Intake) ClaimMails(ctx context.Context, limit int, lease time.Duration) ([]tickets.Claimed, error) {
	if i.handed.alone.Load() {
		return i.handed.take(limit, i.store.now()), nil
	}
	if !i.handed.look.Swap(false) {
		if claimed := i.handed.take(limit, i.store.now()); len(claimed) > 0 {
			return claimed, nil
		}
	}
	claimed, err := i.store.ClaimMails(ctx, limit, lease)
	if err != nil || len(claimed) > 0 {
		i.handed.look.Store(true) // there may be more
		return claimed, err
	}
	return i.handed.take(limit, i.store.now()), nil
}

// WriteReadings is Store.WriteReadings.
func (i *Intake) WriteReadings(ctx context.Context, readings []tickets.Reading) error {
	return i.store.WriteReadings(ctx, readings)
}

// Release gives back what was handed over and not read, so that it need not wait for the end of its lease. Run and the
// readers have ended before.
func (i *Intake) Release(ctx context.Context) error {
	var ids []int64
	for _, mail := range i.handed.take(handedMails, time.Time{}) {
		ids = append(ids, mail.Mail.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := i.store.pool.Exec(ctx, `
		UPDATE mails SET lease_until = NULL, attempts = 0 WHERE id = ANY($1) AND state = 'accepted' AND attempts = 1`, ids)
	if err != nil {
		return fmt.Errorf("release mails: %w", classify(err))
	}
	return nil
}
