package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"afterhours/cmd/afterhours/internal/fakedefender"
	"afterhours/oncall"
)

// demoAPI is a Defender tenant inside the demo: alerts that no mail brings, and devices that playbooks act on.
type demoAPI struct {
	*fakedefender.Server
	base string
}

// startDemoAPI serves a tenant on a port of its own until stop.
func startDemoAPI(now func() time.Time) (api demoAPI, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return api, nil, fmt.Errorf("demo: %w", err)
	}
	api = demoAPI{fakedefender.New(now), "http://" + listener.Addr().String()}
	api.ActionTakes = 20 * time.Second
	server := &http.Server{Handler: api.Server, ReadHeaderTimeout: headerWithin}
	go func() { _ = server.Serve(listener) }() // it ends with Close
	return api, func() { _ = server.Close() }, nil
}

// configuration is the tenant, a playbook that asks, one that goes by itself, and one of which each holds at its hours.
func (a demoAPI) configuration() (oncall.Document, error) {
	return oncall.ParseFile("demo-api.yaml", fmt.Appendf(nil, `
tenants:
  - {id: contoso, tenant_id: %q, client_id: %q, client_secret: %q, poll: 5s, api_url: %q, token_url: "%s/%s/oauth2/v2.0/token", write_back: true, notify: ["person:ana"]}
playbooks:
  - {id: isolate-ransomware, match: {severity: [high], category: [Ransomware]}, action: isolate_device,
     approval: [{days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "24:00", timezone: Europe/Madrid, mode: ask}], exclude: {device: ["dc-*"]}}
  - {id: scan, match: {severity: [medium]}, action: antivirus_scan, otherwise: automatic}
  - {id: restrict, match: {severity: [high], category: [CredentialAccess]}, action: restrict_apps, otherwise: automatic, approvers: 2,
     approval: [{days: [sat], from: "02:00", to: "06:00", timezone: Europe/Madrid, mode: "off"},
       {days: [mon, tue, wed, thu, fri], from: "08:00", to: "18:00", timezone: Europe/Madrid, mode: ask}]}
`, a.Tenant, a.ClientID, a.ClientSecret, a.base, a.base, a.Tenant))
}

// populate adds three alerts that the mails do not bring.
func (a demoAPI) populate() {
	machine := func(number int) string { return fmt.Sprintf("%040x", 0xa1b2c3d4e5+number) }
	for i, name := range []string{"srv-files-02.contoso.example", "ws-0117.contoso.example", "dc-01.contoso.example"} {
		a.AddMachine(fakedefender.Machine{ID: machine(i), DNSName: name, OSPlatform: "Windows11", HealthStatus: "Active", RBACGroupName: "Contoso", Onboarding: "Onboarded"})
	}
	line := func(text string) *string { return &text }
	incident := 90411
	a.Add(fakedefender.Alert{
		ID: "da638999000000000001_-1147483648", IncidentID: &incident, Severity: "High", Category: "Ransomware", Title: "Ransomware behavior detected in the file system",
		Description: "A process wrote many encrypted files within a short time.", DetectionSource: "WindowsDefenderAtp", MachineID: machine(0),
		ComputerDNSName: "srv-files-02.contoso.example", RBACGroupName: "Contoso", Techniques: []string{"T1486", "T1490"},
		RelatedUser: &fakedefender.User{UserName: "svc-files", DomainName: "CONTOSO"},
		Evidence: []fakedefender.Evidence{
			{EntityType: "Process", FileName: line("updater.exe"), FilePath: line(`C:\ProgramData`), ProcessCommandLine: line(`updater.exe -path D:\shares -threads 16`), ParentFileName: line("cmd.exe"), DetectionStatus: line("Detected")},
			{EntityType: "Process", FileName: line("vssadmin.exe"), ProcessCommandLine: line("vssadmin.exe delete shadows /all /quiet"), ParentFileName: line("updater.exe")},
			{EntityType: "Ip", IPAddress: line("192.0.2.44")},
		},
	})
	a.Add(fakedefender.Alert{
		ID: "da638999000000000002_1", Severity: "Medium", Category: "Execution", Title: "Suspicious script on a workstation", DetectionSource: "WindowsDefenderAv",
		MachineID: machine(1), ComputerDNSName: "ws-0117.contoso.example", RBACGroupName: "Contoso", Techniques: []string{"T1059.001"},
		Evidence: []fakedefender.Evidence{{EntityType: "Process", FileName: line("powershell.exe"), ProcessCommandLine: line("powershell.exe -nop -w hidden -c iex(…)")}},
	})
	a.Add(fakedefender.Alert{
		ID: "da638999000000000003_2", Severity: "High", Category: "Ransomware", Title: "Ransomware behavior on a domain controller", DetectionSource: "WindowsDefenderAtp",
		MachineID: machine(2), ComputerDNSName: "dc-01.contoso.example", RBACGroupName: "Contoso",
	})
}

// join applies the tenant beside the team.
func (a demoAPI) join(ctx context.Context, app *application) error {
	document, err := a.configuration()
	if err != nil {
		return err
	}
	if _, err := app.rooms.apply(ctx, document); err != nil {
		return errors.Join(errors.New("demo: the tenant cannot be configured"), err)
	}
	a.populate()
	return nil
}
