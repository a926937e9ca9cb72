package web

import (
	"context"
	"errors"

	"afterhours/tickets"
)

// compared is how well mails are read this week beside the week before.
func (s *Site) compared(ctx context.Context) ([]tickets.Compared, error) {
	now := s.Now()
	shares, err := s.Tickets.ReadingShares(ctx, tickets.Week(now).AddDate(0, 0, -7))
	if err != nil {
		return nil, err
	}
	return tickets.Compare(shares, now), nil
}

// drops says what is found markedly less often than a week ago: Microsoft has changed a mail, or a filter has.
func (s *Site) drops(ctx context.Context) ([]string, error) {
	compared, err := s.compared(ctx)
	if err != nil {
		return nil, err
	}
	var told []string
	for _, row := range compared {
		switch {
		case !row.Dropped():
		case row.Kind == tickets.KindOfMicrosoft:
			told = append(told, "Of Microsoft's mails "+percent(row.Now)+" are recognised this week; last week it was "+percent(row.Before)+".")
		default:
			told = append(told, "The "+row.Field+" is found in "+percent(row.Now)+" of the mails of the kind "+plain(row.Kind)+" this week; last week it was "+percent(row.Before)+".")
		}
	}
	return told, nil
}

// deskRun is the run over stored mails that is under way, if there is one.
func (s *Site) deskRun(ctx context.Context) (run tickets.Run, running bool, err error) {
	run, err = s.Tickets.DeskRun(ctx)
	if errors.Is(err, tickets.ErrNotFound) {
		return run, false, nil
	}
	return run, err == nil, err
}
