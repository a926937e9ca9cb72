package smtpd

import (
	"fmt"
	"strings"
)

// AddressList is a set of addresses and domains, compared without case. The zero list is empty.
type AddressList struct {
	all     bool
	entries map[string]bool // addresses with, domains without an @
}

// ParseAddressList reads addresses and domains separated by commas; * is everything.
func ParseAddressList(text string) (AddressList, error) {
	list := AddressList{entries: map[string]bool{}}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.ToLower(strings.TrimSpace(item))
		local, domain, isAddress := cutAddress(item)
		switch {
		case item == "":
		case item == "*":
			list.all = true
		case strings.ContainsAny(item, " \t<>\"*") || isAddress && (local == "" || domain == "") || !isAddress && strings.Contains(item, "@"):
			return AddressList{}, fmt.Errorf("%q is neither an address, nor a domain, nor *", item)
		default:
			list.entries[item] = true
		}
	}
	if !list.all && len(list.entries) == 0 {
		return AddressList{}, fmt.Errorf("names nobody; write addresses, domains or *")
	}
	return list, nil
}

// Contains says whether an address, or the domain that it is in, is in the list.
func (l AddressList) Contains(address string) bool {
	address = strings.ToLower(address)
	_, domain, isAddress := cutAddress(address)
	return l.all || l.entries[address] || isAddress && l.entries[domain]
}

func cutAddress(text string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return "", "", false
	}
	return text[:at], text[at+1:], true
}
