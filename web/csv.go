package web

import (
	"encoding/csv"
	"net/http"
	"strings"
)

// writeCSV answers with lines whose cells no spreadsheet takes for formulas.
func writeCSV(w http.ResponseWriter, lines [][]string) error {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	out := csv.NewWriter(w)
	for _, line := range lines {
		safe := make([]string, len(line))
		for i, cell := range line {
			safe[i] = plainCell(cell)
		}
		if err := out.Write(safe); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// plainCell keeps a spreadsheet from taking a cell for a formula (OWASP, CSV injection).
func plainCell(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
