package anonymise

import (
	"encoding/base64"
	"strings"
)

// runLengths are the characters by which the third version of Proofpoint's addresses writes how long a run of replaced
// characters is: two for the first of them.
const runLengths = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// readV3 puts the characters back that the third version of Proofpoint's addresses writes behind the address: a * stands
// for one, ** and a letter for a run.
func readV3(address, characters string) (inner string, ok bool) {
	encoded := strings.TrimSuffix(strings.TrimPrefix(characters, "__;"), "!!")
	decoded, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return "", false
	}
	var out strings.Builder
	for at := 0; at < len(address); at++ {
		if address[at] != '*' {
			out.WriteByte(address[at])
			continue
		}
		count := 1
		if at+2 < len(address) && address[at+1] == '*' {
			if count = strings.IndexByte(runLengths, address[at+2]) + 2; count < 2 {
				return "", false
			}
			at += 2
		}
		if count > len(decoded) {
			return "", false
		}
		out.Write(decoded[:count])
		decoded = decoded[count:]
	}
	return out.String(), true
}

// writeV3 is the inverse of readV3.
func writeV3(inner string) (address, characters string) {
	var out strings.Builder
	var replaced []byte
	for at := 0; at < len(inner); {
		run := 0
		for at+run < len(inner) && run < len(runLengths)+1 && !staysInV3(inner[at+run]) {
			run++
		}
		switch run {
		case 0:
			out.WriteByte(inner[at])
			at++
			continue
		case 1:
			out.WriteByte('*')
		default:
			out.WriteString("**" + runLengths[run-2:run-1])
		}
		replaced = append(replaced, inner[at:at+run]...)
		at += run
	}
	return out.String(), "__;" + base64.RawURLEncoding.EncodeToString(replaced) + "!!"
}

func staysInV3(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(":/._&;@~-", c) >= 0
}
