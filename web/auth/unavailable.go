package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"afterhours/tickets"
)

// classify makes tickets.ErrUnavailable of an error that says that the database is away, busy or going down, by the
// classes of its SQLSTATE or by the connection's failure. Other errors, and nil, stay as they are.
func classify(err error) error {
	var refused *pgconn.PgError
	var connecting *pgconn.ConnectError
	var network net.Error
	away := false
	if errors.As(err, &refused) {
		switch refused.Code[:min(2, len(refused.Code))] {
		case "08", "25", "53", "55", "57", "58":
			away = true
		}
	} else {
		away = errors.As(err, &connecting) || errors.As(err, &network) || pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) ||
			errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
	}
	if away {
		return fmt.Errorf("%w: %w", tickets.ErrUnavailable, err)
	}
	return err
}
