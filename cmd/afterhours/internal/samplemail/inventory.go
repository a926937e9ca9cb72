package samplemail

// threat is an invented alert with the category and source that go with it.
type threat struct{ title, category, source string }

var threats = []threat{
	{"Ransomware behavior detected in the file system", "Ransomware", "EDR"},
	{"Suspicious PowerShell command line", "Execution", "EDR"},
	{"Possible attempt to read credentials from LSASS memory", "CredentialAccess", "EDR"},
	{"An active 'Kortilo' backdoor was blocked", "Malware", "Antivirus"},
	{"Unusual number of failed sign-in attempts", "InitialAccess", "Microsoft Defender for Identity"},
	{"Connection to a command-and-control address", "CommandAndControl", "EDR"},
	{"Suspicious scheduled task was created", "Persistence", "EDR"},
	{"Archive of many documents was sent to a new host", "Exfiltration", "EDR"},
}

var policies = []string{
	"A potentially malicious URL click was detected",
	"Suspicious email forwarding activity",
	"Messages have been delayed",
	"Elevation of Exchange admin privilege",
}

var devices = []string{
	"srv-sql-07", "ws-0042.contoso.example", "fin-laptop-11", "srv-file-02", "build-agent-3", "hr-desktop-05", "dc-north-01",
}

var people = []string{
	"CONTOSO\\j.ortega", "CONTOSO\\svc-backup", "m.lindqvist@contoso.example", "CONTOSO\\p.adeyemi", "k.tanaka@contoso.example",
}

var software = []string{"Notes Reader 4", "Harbour VPN Client", "PrintSpool Agent", "OfficeSync 2026"}
