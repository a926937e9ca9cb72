package anonymise

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"afterhours/tickets"
)

// meaningful are words that are never taken for a part of a name: mails are read by them.
var meaningful = func() map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(`
		microsoft defender security endpoint office azure cloud apps entra purview sentinel identity xdr atp intune windows outlook teams exchange
		sharepoint onmicrosoft safelinks protection mail email noreply reply alert alerts alarm incident incidents notification notifications report reports
		device devices machine machines computer host hosts server user users account accounts admin administrator system service services support desk
		title severity category status source detection detected time date high medium low informational critical new active resolved updated merged
		organization organisation tenant customer company name group team info contact help helpdesk soc it test root local domain example com net org
		the and for with from into was were has been this that your have not are of on in to by ltd inc llc gmbh corp corporation limited
		text plain html multipart mixed alternative related charset utf base64 quoted printable 7bit 8bit boundary content type version mime http https www
		view open details link portal vulnerability threat analytics response action policy digest weekly attack path file files hoch mittel niedrig`) {
		set[word] = true
	}
	return set
}()

// leastWord is how short a word can be that is replaced wherever it stands, in characters.
const leastWord = 3

var (
	namedAddress = regexp.MustCompile(`([\p{L}][\p{L}\p{M} .,'’-]{1,60}?)"?\s*[<\[(]\s*(?:mailto:)?(` + emailPattern + `)`)
	userFolder   = regexp.MustCompile(`(?i)[\\/](?:users|home)[\\/]([^\\/\s"'<>|]{2,64})`)
	domainUser   = regexp.MustCompile(`\b([A-Za-z][A-Za-z0-9.-]{1,40})\\([A-Za-z0-9._$-]{2,64})\b`)
)

// learn takes the names from what the parser saw and from everything that stands in the mail. thorough also takes the
// words that names are made of.
func (a *Anonymiser) learn(alert tickets.Alert, root *entity, thorough bool) {
	names := slices.Concat(alert.Devices, alert.Users)
	if alert.Organisation != "" {
		a.phrase(alert.Organisation)
		a.parts(alert.Organisation, thorough)
	}
	for _, name := range names {
		for part := range strings.FieldsFuncSeq(name, func(r rune) bool {
			return r == '\\' || r == '@' || r == '/' || r == ' ' || r == '(' || r == ')' || r == ','
		}) {
			a.host(part)
			a.parts(part, thorough)
		}
	}
	for _, id := range append([]string{alert.IncidentID}, alert.MergedIncidentIDs...) {
		if len(id) >= leastWord {
			a.words[id] = true
		}
	}
	for _, id := range append([]string{alert.TenantID}, alert.AlertIDs...) {
		a.must(id)
	}
	for _, f := range root.header {
		if slices.Contains(idFields, strings.ToLower(f.name)) {
			for _, match := range messageID.FindAllStringSubmatch(f.value, -1) {
				a.must(match[1] + "@" + match[2])
				a.host(match[2])
			}
		}
	}
	for _, text := range root.texts() {
		for _, match := range namedAddress.FindAllStringSubmatch(text, -1) {
			if !isKeptAddress(match[2]) {
				a.parts(match[1], true)
			}
		}
		for _, address := range email.FindAllString(text, -1) {
			a.mailbox(address, thorough)
		}
		for _, pattern := range []*regexp.Regexp{userFolder, domainUser} {
			for _, match := range pattern.FindAllStringSubmatch(text, -1) {
				for _, name := range match[1:] {
					a.host(name)
				}
			}
		}
		for _, name := range hostName.FindAllString(text, -1) {
			if isHost(name) {
				a.host(name)
			}
		}
		for _, address := range ipv6.FindAllString(text, -1) {
			if isIPv6(address) {
				a.must(address)
			}
		}
		for _, pattern := range []*regexp.Regexp{guidShape, ipv4, alertID, digest} {
			for _, id := range pattern.FindAllString(text, -1) {
				a.must(id)
			}
		}
	}
}

// must notes what may not be left.
func (a *Anonymiser) must(token string) {
	if len(token) >= 4 {
		a.secret[strings.ToLower(token)] = true
	}
}

// phrase is replaced as a whole, whatever its words mean.
func (a *Anonymiser) phrase(text string) {
	if text = strings.ToLower(strings.TrimSpace(text)); len([]rune(text)) >= leastWord && !meaningful[text] && !isKeptHost(text) {
		a.words[text] = true
		a.must(text)
	}
}

// parts are the words of a name.
func (a *Anonymiser) parts(name string, thorough bool) {
	if !thorough {
		return
	}
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }) {
		if strings.ContainsFunc(word, unicode.IsLetter) {
			a.phrase(word)
		}
	}
}

// mailbox learns the names in an address.
func (a *Anonymiser) mailbox(address string, thorough bool) {
	if isKeptAddress(address) {
		return
	}
	a.must(address)
	local, domain, _ := strings.Cut(address, "@")
	a.phrase(local)
	a.parts(local, thorough)
	a.host(domain)
}

// host learns a host's labels, those of a public suffix and of Microsoft's names left out.
func (a *Anonymiser) host(name string) {
	if isKeptHost(name) {
		return
	}
	labels, _ := ownLabels(name)
	for _, label := range labels {
		a.phrase(label)
	}
}
