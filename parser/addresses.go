package parser

import (
	"regexp"
	"strings"
)

// maxRecipients bounds how many addresses of one field are kept.
const maxRecipients = 500

// bareAddress is an address in running text.
var bareAddress = regexp.MustCompile(`[^\s<>"',;:()\[\]\\]+@[^\s<>"',;:()\[\]\\]+`)

// addresses reads an address list (RFC 5322, section 3.4) leniently. value is the field as it stands in the header, not
// decoded: an encoded word is part of a name, never of an address.
func addresses(value string) []string {
	var found []string
	for _, item := range splitAddresses(value) {
		if address := addressOf(item); address != "" && len(found) < maxRecipients {
			found = append(found, toUTF8([]byte(address), ""))
		}
	}
	if len(found) == 0 {
		if address := lastAddress(value); address != "" { // a quote that never ends
			found = append(found, toUTF8([]byte(address), ""))
		}
	}
	return found
}

// splitAddresses cuts at commas and semicolons outside of quotes, comments and angle brackets.
func splitAddresses(value string) []string {
	var items []string
	var item strings.Builder
	quoted, depth, angle := false, 0, false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\' && (quoted || depth > 0) && i+1 < len(value):
			i++
			continue
		case c == '"' && depth == 0:
			quoted = !quoted
			continue
		case quoted:
			continue
		case c == '(':
			depth++
			continue
		case c == ')' && depth > 0:
			depth--
			continue
		case depth > 0:
			continue
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case (c == ',' || c == ';') && !angle:
			items = append(items, item.String())
			item.Reset()
			continue
		}
		item.WriteByte(c)
	}
	return append(items, item.String())
}

// addressOf is the address of one mailbox without its quoted parts and comments: what stands in the last angle brackets,
// else the last address.
func addressOf(item string) string {
	if begin := strings.LastIndexByte(item, '<'); begin >= 0 {
		inside, _, _ := strings.Cut(item[begin+1:], ">")
		if address := bareAddress.FindString(strings.ReplaceAll(inside, " ", "")); address != "" {
			return address
		}
	}
	return lastAddress(item)
}

// lastAddress is the last address in running text, "" where there is none.
func lastAddress(text string) string {
	all := bareAddress.FindAllString(text, 20)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// isUnambiguous says whether a From field holds one address however it is read.
func isUnambiguous(value string) bool {
	items := splitAddresses(value)
	return len(items) == 1 && len(bareAddress.FindAllString(items[0], 2)) == 1
}

// senders are the addresses that Microsoft's security notifications come from, in lower case.
var senders = map[string]bool{
	"defender-noreply@microsoft.com": true, "defendercloudnoreply@microsoft.com": true,
	"mssecurity-noreply@microsoft.com": true, "azure-noreply@microsoft.com": true, "office365alerts@microsoft.com": true,
	"no-reply@cloudappsecurity.com": true, "azureadnotifications@microsoft.com": true,
	"quarantine@messaging.microsoft.com": true, "alerts-noreply@mail.windowsazure.com": true,
	"azureemail-noreply@microsoft.com": true,
}

func isMicrosoft(address string) bool { return senders[strings.ToLower(address)] }
