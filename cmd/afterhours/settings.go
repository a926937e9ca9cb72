package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"afterhours/oncall/notify"
)

const envPrefix = "AFTERHOURS_"

// settings are the configuration of a process. Each is a flag, an environment variable (AFTERHOURS_ and the flag's name
// in capitals, or that with _FILE for a file that holds the value) and a key of the file that --config names; the first
// of these that is given counts.
type settings struct {
	Config string `type:"existingfile" placeholder:"FILE" help:"YAML file with settings."`

	DatabaseURL string `name:"database-url" placeholder:"URL" help:"Postgres URL; empty runs an embedded Postgres under the data directory."`
	DirectURL   string `name:"database-direct-url" placeholder:"URL" help:"The same database past its pooler, where --database-url leads to one: notifications, migrations, backups."`
	DataDir     string `name:"data-dir" default:"./afterhours-data" placeholder:"DIR" help:"Embedded Postgres and generated keys (default ${default})."`
	SecretKey   string `name:"secret-key" placeholder:"KEY" help:"Signs links, encrypts stored credentials; required with --database-url."`
	FormerKey   string `name:"secret-key-former" placeholder:"KEY" help:"The key before a rotation: opens what was sealed with it, knows the links of messages that were sent."`
	BackupKeep  int    `name:"backup-keep" default:"7" placeholder:"N" help:"Daily backups of the embedded Postgres that are kept; 0 makes none (default ${default})."`

	SMTPAddr          string `name:"smtp-addr" default:"127.0.0.1:2525" placeholder:"HOST:PORT" help:"SMTP listener (default ${default})."`
	SMTPDomain        string `name:"smtp-domain" default:"localhost" placeholder:"NAME" help:"Name in the SMTP greeting (default ${default})."`
	SMTPMaxConns      int    `name:"smtp-max-connections" default:"2000" placeholder:"N" help:"Connections at once (default ${default})."`
	SMTPMaxPerAddress int    `name:"smtp-max-connections-per-address" aliases:"smtp-max-per-address" default:"100" placeholder:"N" help:"Connections at once from one address; loopback is exempt (default ${default})."`
	SMTPTLSCert       string `name:"smtp-tls-cert" placeholder:"FILE" help:"Certificate for STARTTLS."`
	SMTPTLSKey        string `name:"smtp-tls-key" placeholder:"FILE" help:"Its key."`
	SMTPSAddr         string `name:"smtps-addr" placeholder:"HOST:PORT" help:"A second SMTP listener, on which TLS begins at once."`
	SMTPAuthUser      string `name:"smtp-auth-user" placeholder:"USER" help:"Account of senders that sign in, over TLS alone; they are trusted like a relay."`
	SMTPAuthPassword  string `name:"smtp-auth-password" placeholder:"PASSWORD" help:"Its password."`
	SMTPTLSRequired   bool   `name:"smtp-tls-required" help:"Refuse mail in clear text."`
	MailTo            string `name:"mail-to" default:"*" placeholder:"LIST" help:"Accepted recipients: addresses or domains (default ${default})."`
	MailFromAllow     string `name:"mail-from-allow" placeholder:"LIST" help:"Accepted senders: addresses or domains; empty accepts all."`
	TrustedRelays     string `name:"trusted-relays" placeholder:"LIST" help:"Networks whose Authentication-Results are believed."`
	AuthservID        string `name:"authserv-id" placeholder:"NAME" help:"The name in those results."`
	Unverified        string `name:"unverified" enum:"page,record,refuse" default:"page" placeholder:"MODE" help:"Mail whose author is not authenticated: page, record or refuse (default ${default})."`
	Spool             string `name:"spool" enum:"on,off," default:"on" placeholder:"on|off" help:"Keep mail in files under the data directory while the database is away; off answers 451 then (default ${default})."`
	SpoolMaxSize      size   `name:"spool-max-size" default:"1GiB" placeholder:"SIZE" help:"Most that the spool holds (default ${default})."`
	SpoolMaxMails     int    `name:"spool-max-mails" default:"20000" placeholder:"N" help:"Most mails that the spool holds (default ${default})."`
	EmergencyContact  string `name:"emergency-contact" placeholder:"ADDRESS" help:"Mail address or https webhook that is told directly when mail comes and the database cannot be reached."`
	MailMaxSize       size   `name:"mail-max-size" default:"25MiB" placeholder:"SIZE" help:"Largest mail (default ${default})."`

	HTTPAddr               string `name:"http-addr" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Web and API (default ${default})."`
	HTTPTLSCert            string `name:"http-tls-cert" placeholder:"FILE" help:"Certificate for HTTPS."`
	HTTPTLSKey             string `name:"http-tls-key" placeholder:"FILE" help:"Its key."`
	PublicHTTPAddr         string `name:"public-http-addr" placeholder:"HOST:PORT" help:"A second listener that shows acknowledge links alone, to expose while the desk stays inside."`
	TrustedProxies         string `name:"trusted-proxies" placeholder:"LIST" help:"Proxies whose X-Forwarded-For is believed."`
	PublicURL              string `name:"public-url" placeholder:"URL" help:"Base of links in messages; default: http:// and the HTTP address."`
	SmarthostURL           string `name:"smarthost-url" placeholder:"URL" help:"Outgoing mail: smtp://user:pass@host:587 or smtps://; empty keeps it in the database."`
	OutboundFrom           string `name:"outbound-from" placeholder:"ADDRESS" help:"Sender of pages; default: afterhours@ and the SMTP domain."`
	TwilioAccountSID       string `name:"twilio-account-sid" placeholder:"AC…" help:"Account at Twilio, for text messages and calls."`
	TwilioAuthToken        string `name:"twilio-auth-token" placeholder:"TOKEN" help:"Its credential; also what Twilio signs its calls with."`
	TwilioFrom             string `name:"twilio-from" placeholder:"+NUMBER" help:"Number from which to write and to call."`
	TwilioMessagingService string `name:"twilio-messaging-service" placeholder:"MG…" help:"Messaging service that chooses the sender of text messages."`
	TwilioAPIURL           string `name:"twilio-api-url" default:"https://api.twilio.com" placeholder:"URL" help:"API of another region (default ${default})."`
	SlackToken             string `name:"slack-token" placeholder:"xoxb-…" help:"Token of the Slack application's bot."`
	SlackSigningSecret     string `name:"slack-signing-secret" placeholder:"SECRET" help:"What Slack signs presses of buttons with."`
	SlackAPIURL            string `name:"slack-api-url" default:"https://slack.com/api/" placeholder:"URL" help:"Slack's API (default ${default})."`

	AllowPrivate bool   `name:"allow-private-webhooks" help:"Allow webhook and API targets on loopback and private addresses, any port, over http."`
	LogFormat    string `name:"log-format" enum:"text,json," default:"" placeholder:"FORMAT" help:"text or json; default: text on a terminal."`
	LogLevel     string `name:"log-level" enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error (default ${default})."`
	defenderSettings
	vitalSettings
	signInSettings

	OTel traceSettings `kong:"-"`
}

// complete fills the defaults that depend on other settings, and checks what a single flag's type cannot.
func (s settings) complete() (settings, error) {
	if s.OutboundFrom == "" {
		s.OutboundFrom = "afterhours@" + s.SMTPDomain
	}
	return s, s.validate()
}

func (s settings) validate() error {
	for _, listener := range []struct{ name, address string }{
		{"smtp-addr", s.SMTPAddr},
		{"http-addr", s.HTTPAddr},
		{"public-http-addr", s.PublicHTTPAddr},
		{"smtps-addr", s.SMTPSAddr},
	} {
		if listener.address == "" && (listener.name == "public-http-addr" || listener.name == "smtps-addr") {
			continue
		}
		if _, port, err := net.SplitHostPort(listener.address); err != nil {
			return invalid(listener.name, "%q is not HOST:PORT", listener.address)
		} else if number, err := strconv.Atoi(port); err != nil || number < 0 || number > 65535 {
			return invalid(listener.name, "%q has no port between 0 and 65535", listener.address)
		}
	}
	for _, bound := range []struct {
		name  string
		value int
	}{{"smtp-max-connections", s.SMTPMaxConns}, {"smtp-max-connections-per-address", s.SMTPMaxPerAddress}} {
		if bound.value < 1 {
			return invalid(bound.name, "must be at least 1")
		}
	}
	if s.BackupKeep < 0 {
		return invalid("backup-keep", "must not be negative")
	}
	if s.SpoolMaxMails < 1 {
		return invalid("spool-max-mails", "must be at least 1")
	}
	if s.EmergencyContact != "" {
		if _, err := emergencyContact(s); err != nil {
			return err
		}
	}
	if s.MailMaxSize < 64<<10 {
		return invalid("mail-max-size", "must be at least 64KiB")
	}
	if (s.SMTPTLSCert == "") != (s.SMTPTLSKey == "") {
		return invalid("smtp-tls-cert", "certificate and key go together: give both or neither")
	}
	if (s.HTTPTLSCert == "") != (s.HTTPTLSKey == "") {
		return invalid("http-tls-cert", "certificate and key go together: give both or neither")
	}
	if (s.TrustedRelays == "") != (s.AuthservID == "") {
		return invalid("trusted-relays", "goes together with %s: give both or neither", variable("authserv-id"))
	}
	if (s.SMTPAuthUser == "") != (s.SMTPAuthPassword == "") {
		return invalid("smtp-auth-user", "user and password go together: give both or neither")
	}
	for name, value := range map[string]string{"smtps-addr": s.SMTPSAddr, "smtp-auth-user": s.SMTPAuthUser} {
		if value != "" && s.SMTPTLSCert == "" {
			return invalid(name, "needs a certificate: set %s and %s", variable("smtp-tls-cert"), variable("smtp-tls-key"))
		}
	}
	if s.SMTPTLSRequired && s.SMTPTLSCert == "" {
		return invalid("smtp-tls-required", "needs a certificate: set %s and %s", variable("smtp-tls-cert"), variable("smtp-tls-key"))
	}
	if err := s.validateMail(); err != nil {
		return err
	}
	if s.DirectURL != "" && s.DatabaseURL == "" {
		return invalid("database-direct-url", "goes together with %s, which leads to the pooler", variable("database-url"))
	}
	if s.DatabaseURL != "" && s.SecretKey == "" {
		return invalid("secret-key", "is required with %s, so that every replica signs alike: give at least 32 random characters", variable("database-url"))
	}
	if s.SecretKey != "" && len(s.SecretKey) < 32 {
		return invalid("secret-key", "is shorter than 32 characters")
	}
	if s.FormerKey != "" && (s.SecretKey == "" || s.FormerKey == s.SecretKey) {
		return invalid("secret-key-former", "goes together with another %s", variable("secret-key"))
	}
	if (s.TwilioAccountSID == "") != (s.TwilioAuthToken == "") {
		return invalid("twilio-account-sid", "goes together with %s: give both or neither", variable("twilio-auth-token"))
	}
	if s.TwilioFrom != "" {
		if err := notify.CheckNumber(s.TwilioFrom); err != nil {
			return invalid("twilio-from", "%s", err)
		}
	}
	if s.TwilioMessagingService != "" && !strings.HasPrefix(s.TwilioMessagingService, "MG") {
		return invalid("twilio-messaging-service", "is no id of a messaging service; it begins with MG")
	}
	for _, address := range []struct{ name, value string }{
		{"public-url", s.PublicURL}, {"twilio-api-url", s.TwilioAPIURL}, {"slack-api-url", s.SlackAPIURL},
	} {
		if address.value == "" {
			continue
		}
		if base, err := url.Parse(address.value); err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
			return invalid(address.name, "is not an http or https URL")
		}
	}
	if err := s.vitalSettings.validate(); err != nil {
		return err
	}
	if err := s.signInSettings.validate(); err != nil {
		return err
	}
	if err := s.OTel.validate(); err != nil {
		return err
	}
	return s.defenderSettings.validate(s.AllowPrivate)
}

func invalid(name, format string, args ...any) error {
	return usageError{fmt.Errorf("%s (--%s): "+format, append([]any{variable(name), name}, args...)...)}
}

// variable is the environment variable of a flag.
func variable(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// size is a number of octets, written like 25MiB, 512KiB or 1048576.
type size int64

func (s *size) UnmarshalText(text []byte) error {
	number, factor := strings.TrimSpace(string(text)), int64(1)
	for suffix, value := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(number, suffix); ok {
			number, factor = strings.TrimSpace(rest), value
		}
	}
	count, err := strconv.ParseInt(number, 10, 64)
	if err != nil || count < 1 || count > (1<<40)/factor {
		return fmt.Errorf("%q is not a size like 25MiB", text)
	}
	*s = size(count * factor)
	return nil
}

// settingsResolver looks up flags that are not on the command line in the environment and then in the file of --config.
// A variable or key that no flag stands behind is an error.
func settingsResolver(vars []string) kong.Resolver {
	env := map[string]string{}
	for _, pair := range vars {
		if name, value, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(name, envPrefix) {
			env[name] = value
		}
	}
	var file map[string]string
	return kong.ResolverFunc(func(command *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		names := append([]string{flag.Name}, flag.Aliases...)
		if !slices.Contains(settingNames(), flag.Name) {
			return nil, nil
		}
		if flag.Name == "config" {
			if path, ok := env[variable("config")]; ok {
				return path, nil
			}
			return nil, checkNames(env)
		}
		if file == nil {
			file = map[string]string{}
			if err := readSettingsFile(configPath(command, env), file); err != nil {
				return nil, err
			}
		}
		for _, name := range names {
			if value, ok := env[variable(name)]; ok && value != "" {
				return value, nil
			}
			if path, ok := env[variable(name)+"_FILE"]; ok && path != "" {
				content, err := os.ReadFile(path)
				if err != nil {
					return nil, fmt.Errorf("%s_FILE: %w", variable(name), err)
				}
				return strings.TrimRight(string(content), "\r\n"), nil
			}
			if value, ok := file[name]; ok {
				return value, nil
			}
		}
		return nil, nil
	})
}

func configPath(command *kong.Context, env map[string]string) string {
	for _, flag := range command.Flags() {
		if flag.Name == "config" {
			if path, ok := command.FlagValue(flag).(string); ok && path != "" {
				return path
			}
		}
	}
	return env[variable("config")]
}

// settingNames are the flags of settings, aliases included.
func settingNames() []string {
	var names []string
	var collect func(kind reflect.Type)
	collect = func(kind reflect.Type) {
		for i := range kind.NumField() {
			field := kind.Field(i)
			if field.Anonymous {
				collect(field.Type)
				continue
			}
			name := field.Tag.Get("name")
			if field.Tag.Get("kong") == "-" { // no flag
				continue
			}
			if name == "" {
				name = strings.ToLower(field.Name)
			}
			names = append(names, name)
			if alias := field.Tag.Get("aliases"); alias != "" {
				names = append(names, alias)
			}
		}
	}
	collect(reflect.TypeFor[settings]())
	return names
}

// checkNames refuses variables that no setting stands behind; those of the tests are left alone.
func checkNames(env map[string]string) error {
	names := settingNames()
	for given := range env {
		known := slices.ContainsFunc(names, func(name string) bool {
			return given == variable(name) || given == variable(name)+"_FILE"
		})
		if !known && !strings.HasPrefix(given, envPrefix+"TEST_") {
			return fmt.Errorf("%s: there is no such setting; see `afterhours serve --help`", given)
		}
	}
	return nil
}

func readSettingsFile(path string, into map[string]string) error {
	if path == "" {
		return nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("settings file: %w", err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return fmt.Errorf("settings file %s: %w", path, err)
	}
	if len(document.Content) == 0 {
		return nil
	}
	mapping := document.Content[0]
	if mapping.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: write one `name: value` a line", path, mapping.Line)
	}
	names := settingNames()
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(strings.ToUpper(key.Value), envPrefix), "_", "-"))
		if !slices.Contains(names, name) || name == "config" {
			return fmt.Errorf("%s:%d: there is no setting %q; see `afterhours serve --help`", path, key.Line, key.Value)
		}
		if value.Kind != yaml.ScalarNode {
			return fmt.Errorf("%s:%d: %s needs a single value", path, value.Line, key.Value)
		}
		if _, twice := into[name]; twice {
			return fmt.Errorf("%s:%d: %s stands there twice; remove one", path, key.Line, key.Value)
		}
		into[name] = value.Value
	}
	return nil
}
