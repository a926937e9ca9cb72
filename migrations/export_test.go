package migrations

import (
	"context"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
)

// LockID is the key of the advisory lock.
const LockID = lockID

// UpFrom is Up with other files.
func UpFrom(ctx context.Context, pool *pgxpool.Pool, fsys fs.FS) (int, error) {
	return up(ctx, pool, fsys)
}

// StatusFrom is Status with other files.
func StatusFrom(ctx context.Context, pool *pgxpool.Pool, fsys fs.FS) ([]Migration, error) {
	return status(ctx, pool, fsys)
}
