package parser

import (
	"regexp"
	"strings"
)

// Bounds of a style sheet that is looked through for what it hides.
const (
	maxSheet   = 64 << 10
	maxClasses = 200
)

var (
	sheetComment = regexp.MustCompile(`(?s)/\*.*?\*/|<!--|-->`)
	oneClass     = regexp.MustCompile(`^[a-zA-Z]*\.([\w-]+)$`)
)

// hiddenClasses adds the classes that a style sheet hides from every reader. What it hides only on some screens, inside
// @media, is shown on others.
func hiddenClasses(classes map[string]bool, sheet string) map[string]bool {
	sheet = sheetComment.ReplaceAllString(clip(sheet, maxSheet), "")
	for sheet != "" {
		selectors, rest, found := strings.Cut(sheet, "{")
		if !found {
			return classes
		}
		if strings.Contains(selectors, "@") {
			sheet = behindBlock(rest)
			continue
		}
		declarations, after, _ := strings.Cut(rest, "}")
		sheet = after
		if !hidingStyle(declarations) {
			continue
		}
		for selector := range strings.SplitSeq(selectors, ",") {
			if match := oneClass.FindStringSubmatch(strings.TrimSpace(selector)); match != nil && len(classes) < maxClasses {
				if classes == nil {
					classes = map[string]bool{}
				}
				classes[match[1]] = true
			}
		}
	}
	return classes
}

// behindBlock is what follows a block of braces, after its first one.
func behindBlock(text string) string {
	depth := 1
	for i := range len(text) {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return text[i+1:]
			}
		}
	}
	return ""
}
