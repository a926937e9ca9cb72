package main

import (
	"flag"
	"time"

	"afterhours/parser"
	"afterhours/tickets"
)

// The sizes of the long forms: go test ./cmd/afterhours -run Backlog -defender.alerts 100000
var (
	defenderAlerts = flag.Int("defender.alerts", 3000, "alerts of the backlog")
	defenderStep   = flag.Duration("defender.step", 7*time.Hour, "distance of the alerts of the simulated weeks")
	defenderRaces  = flag.Int("defender.races", 40, "races between a mail and the API")
)

func backlogSize() int        { return *defenderAlerts }
func weekStep() time.Duration { return *defenderStep }
func raceCount() int          { return *defenderRaces }

func parseMail(raw []byte) tickets.Alert { return parser.Parse(raw) }
