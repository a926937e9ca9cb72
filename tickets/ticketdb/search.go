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

	"github.com/jackc/pgx/v5"

	"afterhours/tickets"
)

// A search asks for all its words by their beginnings. Postgres makes a list of every ticket with each of them and only then
// compares the lists: where a word is in every ticket, as a sender's domain is, that takes most of a second, and it reads every
// ticket that the lists lead to, though only the newest are shown. So only the rarest words are looked up, and those by ages, the
// newest first, until enough are found; the other words are compared on what is found. Where all words are common, or one may
// be more common than it seems, the newest tickets are read one after the other before that, for as long as that promises enough
// and takes less than the list.

// Bounds and weights of a search.
const (
	wordsFresh  = 10 * time.Minute // how long what is known of words holds
	walked      = 40_000           // tickets that are read one after the other in the hope of enough, at most
	glanced     = 1_000            // and where the words seem rare, for many rare words may begin alike
	longWord    = 7                // characters of a word that is rare as a beginning, too
	commonWord  = 0.1              // the list of such a word is not made before the newest were read
	rareWord    = 0.002            // words up to this share of the tickets are all looked up
	unknownWord = 0.0005           // the share of a word that is not among the common ones
	numbers     = 4                // a ticket has about so many, of any digits
	readAtOnce  = 200              // tickets that are read without regard to their ages
	ageBits     = 13               // tickets of an age share their numbers but for so many bits, as tickets_by_words_and_age has them
	fewestAges  = 8                // that are looked at in one go
	moreAges    = 8                // times as many, where nothing was found in those before
)

// wordShares knows in which part of the tickets the common words are, from the database's own statistics.
type wordShares struct {
	tickets float64
	words   []string // in order
	shares  []float64
}

// wordMemory is what was known last.
type wordMemory struct {
	mutex sync.Mutex
	asked time.Time
	known *wordShares
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
	most    int      // and so many in all, as long as that promises enough
	span    int64    // so many ages are looked at first; 0: all in one go
	ages    []int64  // those that are looked at now; none: all
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
	if len(list) == 0 {
		return found
	}
	together := 1.0
	for i, w := range list {
		together *= math.Pow(w.share, math.Pow(0.5, float64(i))) // words that stand together are no strangers to each other
	}
	for i, w := range list {
		if i == 0 || w.share <= rareWord {
			found.indexed = append(found.indexed, w.text)
		} else {
			found.others = append(found.others, w.text)
		}
	}
	need := 1.5 * float64(show) / together // tickets that are looked at until enough are found
	if list[0].share*s.tickets > readAtOnce {
		found.span = int64(max(math.Ceil(need/(1<<ageBits)), fewestAges))
	}
	rarest := list[0]
	found.most = int(min(rarest.share*s.tickets/2, walked)) // takes no longer than the list of the word
	switch {
	case need < float64(found.most):
		found.newest = max(glanced, int(need))
	case rarest.share > commonWord || rarest.share == unknownWord && utf8.RuneCountInString(rarest.text) < longWord:
		found.newest = glanced
	}
	return found
}

// shares reads what is known of words, where that is old.
func (s *Store) shares(ctx context.Context) (*wordShares, error) {
	s.words.mutex.Lock()
	defer s.words.mutex.Unlock()
	now := s.now()
	if age := now.Sub(s.words.asked); s.words.known != nil && age >= 0 && age < wordsFresh {
		return s.words.known, nil
	}
	known := &wordShares{}
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
	for _, i := range order {
		known.words, known.shares = append(known.words, words[i]), append(known.shares, float64(shares[i]))
	}
	s.words.asked, s.words.known = now, known
	return known, nil
}

// searchFor plans the words of a filter; nil where it has none.
func (s *Store) searchFor(ctx context.Context, filter tickets.Filter, show int) (*searching, error) {
	if strings.TrimSpace(filter.Query) == "" {
		return nil, nil
	}
	words := tickets.SplitQuery(storable(filter.Query))
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

// search reads one page of what has the words, the newest first, from as few of the newest tickets as hold enough.
func (s *Store) search(ctx context.Context, filter tickets.Filter, search searching, limit int) (found []*ticketRow, err error) {
	before := filter.Before
	if before == 0 && (search.newest > 0 || search.span > 0) {
		if err := s.pool.QueryRow(ctx, `SELECT coalesce(max(number), 0) + 1 FROM tickets`).Scan(&before); err != nil {
			return nil, err
		}
	}
	look := func(where string, args pgx.NamedArgs, search *searching) error {
		more, err := s.listed(ctx, listQuery(where, search), args, limit-len(found))
		found = append(found, more...)
		return err
	}
	top := before
	for walk := int64(search.newest); walk > 0; {
		filter.Before = before
		where, args := conditions(filter, &searching{others: slices.Concat(search.indexed, search.others)})
		before -= walk
		args["from"] = before
		if err := look(where+` AND t.number >= @from`, args, nil); err != nil || len(found) >= limit || before <= 0 {
			return found, err
		}
		walk = (top - before) * 3
		if got := int64(len(found)); got > 0 { // the rest is there, if they are as thick
			walk = (top - before) * (int64(limit) - got) * 5 / (4 * got)
		}
		if top-before+walk > int64(search.most) {
			break
		}
	}
	for span := search.span; ; {
		oldest := (before-1)>>ageBits - span + 1
		if span == 0 || oldest <= span { // what is left is little more
			search.ages, oldest = nil, 0
		} else {
			search.ages = search.ages[:0]
			for age := oldest; age <= (before-1)>>ageBits; age++ {
				search.ages = append(search.ages, age)
			}
		}
		filter.Before = before
		where, args := conditions(filter, &search)
		already := len(found)
		if err := look(where, args, &search); err != nil || len(found) >= limit || oldest == 0 {
			return found, err
		}
		before = oldest << ageBits
		if got := int64(len(found) - already); got > 0 { // as many as hold the rest, if they are as thick
			span = max(span, min(span*moreAges, span*int64(limit-len(found))*3/(2*got)))
		} else {
			span *= moreAges
		}
	}
}

// few says whether a filter's states are of few tickets.
func few(states []tickets.State) bool {
	return len(states) > 0 && !slices.Contains(states, tickets.Resolved)
}

// beginnings asks that each word be the beginning of a word of the ticket, as tickets.SplitWords and SplitQuery cut them.
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
