package ticketdb

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"afterhours/tickets"
)

// A search asks for all its words by their beginnings. Postgres makes a list of every ticket with each of them and only then
// compares the lists: where a word is in every ticket, as a sender's domain is, that takes most of a second. So only
// the rarest words are looked up, the others are compared on what they lead to; and where all are common the newest tickets are
// read one after the other until enough have them.

// Bounds and weights of a search.
const (
	wordsFresh  = 10 * time.Minute // how long what is known of words holds
	walked      = 50_000           // tickets that are read one after the other where all words are common, at most
	glanced     = 1_000            // and where they seem rare, for many rare words may begin alike
	longWord    = 7                // characters of a word that is rare as a beginning, too
	rareWord    = 0.002            // words up to this share of the tickets are all looked up
	unknownWord = 0.0005           // the share of a word that is not among the common ones
	numbers     = 4                // a ticket has about so many, of any digits
)

// wordShares knows in which part of the tickets the common words are, from the database's own statistics.
type wordShares struct {
	mutex   sync.Mutex
	asked   time.Time
	tickets float64
	words   []string // in order
	shares  []float64
}

// of is the share of tickets with a word of a beginning, at most.
func (s *wordShares) of(beginning string) float64 {
	at, _ := slices.BinarySearch(s.words, beginning)
	share := 0.0
	for ; at < len(s.words) && strings.HasPrefix(s.words[at], beginning); at++ {
		share += s.shares[at]
	}
	if !strings.ContainsFunc(beginning, func(r rune) bool { return r < '0' || r > '9' }) { // many words begin with a few digits, each of them rare
		share = max(share, numbers/(9*math.Pow(10, float64(len(beginning)-1))))
	}
	return min(max(share, unknownWord), 1)
}

// searching is how the words of a query are looked for.
type searching struct {
	indexed []string // looked up
	others  []string // compared on what is found
	newest  int      // so many tickets are read first, one after the other
}

// plan decides for words; show is how many tickets shall be found.
func (s *wordShares) plan(words []string, show int) searching {
	type word struct {
		text  string
		share float64
	}
	list := make([]word, len(words))
	for i, text := range words {
		list[i] = word{text, s.of(text)}
	}
	slices.SortStableFunc(list, func(a, b word) int { return cmp.Compare(a.share, b.share) })
	var found searching
	together, lookUp := 1.0, 0.0
	for i, w := range list {
		together *= math.Pow(w.share, math.Pow(0.5, float64(i))) // words that stand together are no strangers to each other
		if i == 0 || w.share <= rareWord {
			found.indexed = append(found.indexed, w.text)
			lookUp += w.share
		} else {
			found.others = append(found.others, w.text)
		}
	}
	switch {
	case len(list) == 0:
	case float64(show)/together < s.tickets*(lookUp+list[0].share):
		found.newest = walked
	case lookUp > rareWord || utf8.RuneCountInString(list[0].text) < longWord:
		found.newest = glanced
	}
	return found
}

// shares reads what is known of words, where that is old.
func (s *Store) shares(ctx context.Context) (*wordShares, error) {
	known := s.words
	known.mutex.Lock()
	defer known.mutex.Unlock()
	now := s.now()
	if age := now.Sub(known.asked); !known.asked.IsZero() && age >= 0 && age < wordsFresh {
		return known, nil
	}
	var words []string
	var shares []float32
	err := s.pool.QueryRow(ctx, `
		SELECT greatest(c.reltuples, 0), coalesce(st.most_common_elems::text::text[], '{}'), coalesce(st.most_common_elem_freqs, '{}')
		FROM pg_class c LEFT JOIN pg_stats st ON st.schemaname = c.relnamespace::regnamespace::text AND st.tablename = c.relname AND st.attname = 'search'
		WHERE c.oid = 'tickets'::regclass`).Scan(&known.tickets, &words, &shares)
	if err != nil {
		return nil, fmt.Errorf("read how common words are: %w", classify(err))
	}
	order := make([]int, min(len(words), len(shares)))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(words[a], words[b]) })
	known.words, known.shares, known.asked = nil, nil, now
	for _, i := range order {
		known.words, known.shares = append(known.words, words[i]), append(known.shares, float64(shares[i]))
	}
	return known, nil
}

// searchFor plans the words of a filter; nil where it has none.
func (s *Store) searchFor(ctx context.Context, filter tickets.Filter, show int) (*searching, error) {
	if strings.TrimSpace(filter.Query) == "" {
		return nil, nil
	}
	words := tickets.SplitWords(storable(filter.Query))
	if few(filter.States) {
		return &searching{others: words}, nil
	}
	known, err := s.shares(ctx)
	if err != nil {
		return nil, err
	}
	plan := known.plan(words, show)
	return &plan, nil
}

// few says whether a filter's states are of few tickets.
func few(states []tickets.State) bool {
	return len(states) > 0 && !slices.Contains(states, tickets.Resolved)
}

// beginnings asks that each word be the beginning of a word of the ticket, as tickets.SplitWords cuts both.
func beginnings(words []string) string {
	if len(words) == 0 {
		return "'-'" // no ticket has a word without letters and digits
	}
	asked := make([]string, len(words))
	for i, word := range words {
		asked[i] = "'" + word + "':*" // letters and digits alone: nothing to escape
	}
	return strings.Join(asked, " & ")
}
