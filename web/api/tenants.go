package api

import (
	"context"
	"maps"
	"slices"
	"time"
)

type tenantsAnswer struct {
	Body struct {
		Tenants []tenant `json:"tenants"`
	}
}

// tenant is one directory and how its polls go. No credential is among it.
type tenant struct {
	ID                 string     `json:"id"`
	TenantID           string     `json:"tenant_id" doc:"The directory's GUID"`
	State              string     `json:"state" enum:"ok,failed,waiting" doc:"waiting: not polled yet"`
	PolledAt           *time.Time `json:"polled_at" doc:"The last poll that came to its end; null where none has"`
	NextPollAt         *time.Time `json:"next_poll_at"`
	LagSeconds         float64    `json:"lag_seconds" doc:"From the last new alert's change at Microsoft to its ticket; 0 where there was none"`
	Alerts             int64      `json:"alerts" doc:"Read so far"`
	RequestsInHour     int        `json:"requests_in_hour" doc:"Of all replicas together"`
	FailedAt           *time.Time `json:"failed_at" doc:"Since when polls fail; null where the last one was well"`
	Error              string     `json:"error" doc:"What is wrong; empty where all is well"`
	Mend               string     `json:"mend" doc:"What to do, with the page of Microsoft's portal"`
	IncidentError      string     `json:"incident_error" doc:"Why the incidents are not read; empty where they are"`
	ChangesWaiting     int        `json:"changes_waiting" doc:"Decisions that Defender is yet to be told"`
	ChangesFailedToday int        `json:"changes_failed_in_day" doc:"Decisions that it could not be told within the last day"`
}

func (s *service) tenants(ctx context.Context, _ *struct{}) (*tenantsAnswer, error) {
	polls, err := s.Polls(ctx)
	if err != nil {
		return nil, err
	}
	out := &tenantsAnswer{}
	out.Body.Tenants = []tenant{}
	for _, id := range slices.Sorted(maps.Keys(polls)) {
		status := polls[id]
		state := "ok"
		switch {
		case status.FailedAt != nil:
			state = "failed"
		case status.PolledAt == nil:
			state = "waiting"
		}
		out.Body.Tenants = append(out.Body.Tenants, tenant{
			ID: id, TenantID: status.Directory, State: state, PolledAt: inUTC(status.PolledAt), NextPollAt: inUTC(status.NextPollAt),
			LagSeconds: status.Lag.Seconds(), Alerts: status.Alerts, RequestsInHour: status.Requests, FailedAt: inUTC(status.FailedAt),
			Error: status.Error, Mend: status.Mend, IncidentError: status.IncidentError, ChangesWaiting: status.Waiting, ChangesFailedToday: status.Failed,
		})
	}
	return out, nil
}
