package oncall

import "time"

// Gateway is one process that serves, as it wrote itself down last.
type Gateway struct {
	Name           string
	Version        string
	StartedAt      time.Time
	SeenAt         time.Time
	Ailing         string     // what is wrong with it; empty while all is well
	HeartbeatAt    *time.Time // the outside address answered a heartbeat of it last
	HeartbeatFault string     // why it did not answer the newest one
}

// gatewaySeen is how long after its last word a gateway counts as running: it writes itself down each minute.
const gatewaySeen = 3 * time.Minute

// Running says whether the gateway wrote itself down of late.
func (g Gateway) Running(now time.Time) bool { return now.Sub(g.SeenAt) < gatewaySeen }
