// Prints the times of cron lines as the CronJob controller has them: cases from standard input, times to standard output.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
	_ "time/tzdata"

	"github.com/robfig/cron/v3"
)

type question struct {
	Name  string `json:"name"`
	Line  string `json:"line"`
	Zone  string `json:"zone"`
	From  string `json:"from"`
	Count int    `json:"count"`
}

type answer struct {
	question
	Times   []string `json:"times"`
	Refused bool     `json:"refused,omitempty"`
}

func ask(q question) (answer, error) {
	a := answer{question: q, Times: []string{}}
	from, err := time.Parse(time.RFC3339, q.From)
	if err != nil {
		return a, err
	}
	if _, err := time.LoadLocation(q.Zone); err != nil {
		return a, err
	}
	// As pkg/controller/cronjob/utils.go puts the zone in front of the line.
	schedule, err := cron.ParseStandard(fmt.Sprintf("TZ=%s %s", q.Zone, q.Line))
	if err != nil {
		a.Refused = true
		return a, nil
	}
	for at := from; len(a.Times) < q.Count; {
		at = schedule.Next(at)
		if at.IsZero() {
			break
		}
		a.Times = append(a.Times, at.UTC().Format("2006-01-02T15:04:05Z"))
	}
	return a, nil
}

func run() error {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		return err
	}
	answers := make([]answer, 0, len(questions))
	for _, q := range questions {
		a, err := ask(q)
		if err != nil {
			return fmt.Errorf("%s: %w", q.Name, err)
		}
		answers = append(answers, a)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(answers)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
