package tickets

import "strings"

// longestLabel is how long a line can be that is the label of the one below it, in octets.
const longestLabel = 80

// Mark makes of a value that a person marked in a mail's text the place where later mails have theirs. line counts from 0;
// an empty value means what stands on the line behind its label. Its error is an InvalidError of the field.
func Mark(field, text string, line int, value string) (TaughtField, error) {
	lines := strings.Split(text, "\n")
	if line < 0 || line >= len(lines) || strings.TrimSpace(lines[line]) == "" {
		return TaughtField{}, &InvalidError{Field: field, Reason: "there is no such line; choose one that has words"}
	}
	whole := strings.TrimSpace(lines[line])
	taught := TaughtField{Field: field}
	if value = strings.TrimSpace(value); value == "" {
		taught.After, _ = labelled(whole)
	} else {
		at := foldedIndex(whole, value)
		if at < 0 {
			return TaughtField{}, &InvalidError{Field: field, Reason: "the chosen line does not hold " + value + "; copy the value from it"}
		}
		taught.After = strings.Trim(whole[:at], marks)
		taught.Before = strings.Trim(whole[at+len(value):], marks)
	}
	if taught.After == "" {
		taught.After = labelAbove(lines[:line])
	}
	if taught.After == "" && taught.Before == "" {
		return TaughtField{}, &InvalidError{Field: field, Reason: "no label stands before the value or above it; choose another line, or write the words by hand"}
	}
	return taught, nil
}

// labelled parts a line into label and value: at its first colon, else at its first wide gap.
func labelled(line string) (label, value string) {
	for _, mark := range []string{":", "：", "  ", "\t"} {
		if before, after, ok := strings.Cut(line, mark); ok && strings.Trim(before, marks) != "" && strings.Trim(after, marks) != "" {
			return strings.Trim(before, marks), strings.Trim(after, marks)
		}
	}
	return "", line
}

// labelAbove is the nearest line that has words, if it is short enough for a label.
func labelAbove(lines []string) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if line := strings.Trim(lines[i], marks); line != "" {
			if len(line) > longestLabel {
				return ""
			}
			return line
		}
	}
	return ""
}
