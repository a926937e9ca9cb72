package ticketdb

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The channels on which processes on one database tell each other what happened.
const (
	MailsChannel         = "afterhours_mails"         // mail was accepted
	ConfigurationChannel = "afterhours_configuration" // another configuration is in force
)

// announceEvery bounds how often accepted mail is announced: a storm is one notification for many mails.
const announceEvery = 50 * time.Millisecond

// announce tells other processes of accepted mail, outside of its transaction: a notification inside would make all
// commits wait for each other. One that is lost costs nothing but time, because readers look by themselves, too.
func (i *Intake) announce(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-i.accepted:
		}
		telling, cancel := context.WithTimeout(ctx, time.Second)
		_, _ = i.store.pool.Exec(telling, `SELECT pg_notify($1, $2)`, MailsChannel, i.store.self) // see above
		cancel()
		pause.Reset(announceEvery)
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
	}
}

// The pauses before another connection is tried.
const (
	listenAgain   = time.Second
	listenPatient = 30 * time.Second
)

// Listen calls heard for each notification of another process until ctx ends, on a connection of its own to where direct leads, which is
// made anew when it breaks: a pooler that hands out connections by transaction would not pass them on.
// What was missed meanwhile is made up for: after each connection heard is called for every channel.
func (s *Store) Listen(ctx context.Context, direct *pgxpool.Pool, channels []string, heard func(channel string), log *slog.Logger) {
	wait := listenAgain
	for ctx.Err() == nil {
		began := s.now()
		err := s.listenOnce(ctx, direct, channels, heard)
		if ctx.Err() != nil {
			return
		}
		if s.now().Sub(began) > listenPatient {
			wait = listenAgain
		}
		log.Warn("notifications of the database are not heard; mail is found by looking", "again_in", wait, "error", err)
		pause := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			pause.Stop()
			return
		case <-pause.C:
		}
		wait = min(2*wait, listenPatient)
	}
}

func (s *Store) listenOnce(ctx context.Context, direct *pgxpool.Pool, channels []string, heard func(channel string)) error {
	conn, err := pgx.ConnectConfig(ctx, direct.Config().ConnConfig.Copy())
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, channel := range channels {
		if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
	}
	for _, channel := range channels {
		heard(channel)
	}
	for {
		notification, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		if notification.Payload == "" || notification.Payload != s.self {
			heard(notification.Channel)
		}
	}
}
