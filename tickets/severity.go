package tickets

// Severity is how bad an alert is, in Microsoft's words.
type Severity string

// The severities, worst first; SeverityUnknown where a notification has none.
const (
	High            Severity = "high"
	Medium          Severity = "medium"
	Low             Severity = "low"
	Informational   Severity = "informational"
	SeverityUnknown Severity = "unknown"
)

// Severities lists all severities, worst first.
var Severities = [...]Severity{High, Medium, Low, Informational, SeverityUnknown}

// Valid says whether s is one of the five severities.
func (s Severity) Valid() bool { return s.rank() >= 0 }

// Above says whether s is worse than other. An unknown severity is above nothing, and everything known is above it.
func (s Severity) Above(other Severity) bool { return s.rank() > other.rank() }

func (s Severity) rank() int {
	switch s {
	case High:
		return 4
	case Medium:
		return 3
	case Low:
		return 2
	case Informational:
		return 1
	case SeverityUnknown:
		return 0
	}
	return -1
}

// Word is the severity as it opens a message: "High", "Medium", "Low", "Informational", "Unknown".
func (s Severity) Word() string {
	switch s {
	case High:
		return "High"
	case Medium:
		return "Medium"
	case Low:
		return "Low"
	case Informational:
		return "Informational"
	default:
		return "Unknown"
	}
}
