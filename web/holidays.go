package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/go-chi/chi/v5"

	"afterhours/oncall"
)

// importHolidays is POST /schedules/{schedule}/holidays: the holidays of a file take the place of the schedule's from the
// beginning of this year on.
func (s *Site) importHolidays(w http.ResponseWriter, r *http.Request) error {
	year := s.Now().UTC().Year()
	content, err := holidayFile(r)
	var holidays []oncall.Holiday
	if err == nil {
		holidays, err = oncall.ReadHolidays(content, year)
	}
	if err != nil {
		where, ok := fromCalendar(r)
		if !ok {
			where = url.Values{}
		}
		return s.renderCalendar(w, r, http.StatusBadRequest, sentenceOf(err.Error()), where)
	}
	action := fmt.Sprintf("%d holidays of schedule %s taken from a file", len(holidays), chi.URLParam(r, "schedule"))
	return s.changeSchedule(w, r, action, func(schedule *oncall.Schedule) error {
		earlier := slices.DeleteFunc(slices.Clone(schedule.Holidays), func(h oncall.Holiday) bool { return h.Day.Year() >= year })
		schedule.Holidays = append(earlier, holidays...)
		return nil
	})
}

// holidayFile is the file that was sent; a request has its bound already.
func holidayFile(r *http.Request) ([]byte, error) {
	refused := errors.New("choose an iCalendar file of at most 200 KiB")
	if err := r.ParseMultipartForm(maxRequest); err != nil {
		return nil, refused
	}
	file, _, err := r.FormFile("file")
	if err != nil {
		return nil, refused
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, refused
	}
	return content, nil
}
