package oncalldb

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"afterhours/oncall"
)

// Each channel has workers of its own, so that one that hangs cannot hold up the others; so many that targets that hang
// leave some to the others: a worker that waits for an answer costs next to nothing.
const (
	workersPerChannel = 100
	jobTimeout        = time.Minute
	rescueAfter       = 2 * time.Minute
	fetchCooldown     = time.Millisecond // a job that is inserted within it after another one may wait for the next poll
)

// Queue moves pages by jobs that carry a page's id. A job lost or done twice does no harm: the page's row decides, and
// the escalator releases anew what nobody finished.
type Queue struct{ client *river.Client[pgx.Tx] }

type pageJob struct {
	Page   int64  `json:"page"`
	Target string `json:"target,omitempty"`
	Event  bool   `json:"event,omitempty"`
}

func (pageJob) Kind() string { return "page" }

type pageWorker struct {
	river.WorkerDefaults[pageJob]
	deliver Deliver
}

func (w *pageWorker) Work(ctx context.Context, job *river.Job[pageJob]) error {
	return w.deliver(ctx, job.Args.Page, job.Args.Target, job.Args.Event)
}

// Kind implements river.JobArgs. Older programs, which know nothing of parts, leave it alone.
func (Share) Kind() string { return "summary_part" }

// KindAliases implements river.JobArgsWithKindAliases: the kind that older programs write.
func (Share) KindAliases() []string { return []string{"summary"} }

type shareWorker struct {
	river.WorkerDefaults[Share]
	share func(ctx context.Context, share Share) error
}

func (w *shareWorker) Work(ctx context.Context, job *river.Job[Share]) error {
	return w.share(ctx, job.Args)
}

// shareQueue is worked off by one at a time in each process: what is in it has been told already.
const shareQueue = "summaries"

// Deliver makes one attempt at a page, of which its job says what its target is and whether it is an event.
type Deliver func(ctx context.Context, page int64, target string, isEvent bool) error

// NewQueue returns a queue for the given channels, whose jobs call deliver, and for shares of summaries. It hears of new jobs on
// a connection of direct, which may be the same pool and must not lead through a pooler that hands out connections by transaction.
func NewQueue(pool, direct *pgxpool.Pool, channels []string, deliver Deliver, share func(context.Context, Share) error, log *slog.Logger) (*Queue, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &pageWorker{deliver: deliver})
	river.AddWorker(workers, &shareWorker{share: share})
	queues := map[string]river.QueueConfig{shareQueue: {MaxWorkers: 1}}
	for _, channel := range channels {
		queues[queueName(channel)] = river.QueueConfig{MaxWorkers: workersPerChannel}
	}
	client, err := river.NewClient[pgx.Tx](hearing{riverpgxv5.New(pool), riverpgxv5.New(direct)}, &river.Config{
		Queues: queues, Workers: workers, Logger: log, FetchCooldown: fetchCooldown,
		JobTimeout: jobTimeout, RescueStuckJobsAfter: rescueAfter,
		CompletedJobRetentionPeriod: time.Hour,
	})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return &Queue{client}, nil
}

// hearing is River's driver, except that it listens elsewhere than it works.
type hearing struct {
	riverdriver.Driver[pgx.Tx]
	direct riverdriver.Driver[pgx.Tx]
}

// GetListener implements riverdriver.Driver.
func (h hearing) GetListener(params *riverdriver.GetListenenerParams) riverdriver.Listener {
	return h.direct.GetListener(params)
}

func queueName(channel string) string { return "page_" + channel }

// Start begins to work off jobs.
func (q *Queue) Start(ctx context.Context) error { return q.client.Start(ctx) }

// Stop waits for the jobs that run until ctx ends.
func (q *Queue) Stop(ctx context.Context) error { return q.client.Stop(ctx) }

// Enqueue inserts one job for each page inside tx; they run once it has committed.
func (q *Queue) Enqueue(ctx context.Context, tx pgx.Tx, pages []oncall.Page) error {
	jobs := make([]river.InsertManyParams, len(pages))
	for i, page := range pages {
		priority := 1
		if page.LastError != "" { // what failed before does not go before what was not tried yet
			priority = 2
		}
		jobs[i] = river.InsertManyParams{Args: pageJob{page.ID, page.Target(), page.IsEvent()}, InsertOpts: &river.InsertOpts{Queue: queueName(page.Channel), MaxAttempts: 3, Priority: priority}}
	}
	_, err := q.client.InsertManyFastTx(ctx, tx, jobs)
	return err
}

// EnqueueShare inserts a job for a share inside tx; it runs once that has committed.
func (q *Queue) EnqueueShare(ctx context.Context, tx pgx.Tx, share Share) error {
	_, err := q.client.InsertTx(ctx, tx, share, &river.InsertOpts{Queue: shareQueue})
	return err
}
