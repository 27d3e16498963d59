// Command gitops answers, with the libraries that Flux, Argo CD and kubectl use themselves, how they see objects.
// It reads a JSON array from stdin and prints a JSON array with one answer for each item:
//
//	gitops kstatus            items: objects; answers: {"status", "message"} as Flux computes them
//	gitops health DIR         items: objects; answers: {"status", "message"} of DIR/GROUP/KIND/health.lua, as Argo CD runs it
//	gitops diff               items: {"config", "live"}; answers: what a client-side apply of config, which was also the last
//	                          one, would change in live: the patch, "{}" where nothing drifts
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
)

type answer struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("usage: gitops kstatus | health DIR | diff")
	}
	items, err := readItems(os.Stdin)
	if err != nil {
		return err
	}
	answers := make([]any, 0, len(items))
	for i, item := range items {
		found, err := answerTo(args, item)
		if err != nil {
			return fmt.Errorf("item %d: %w", i, err)
		}
		answers = append(answers, found)
	}
	return json.NewEncoder(os.Stdout).Encode(answers)
}

func readItems(in io.Reader) ([]json.RawMessage, error) {
	var items []json.RawMessage
	if err := json.NewDecoder(in).Decode(&items); err != nil {
		return nil, fmt.Errorf("stdin: %w", err)
	}
	return items, nil
}

func answerTo(args []string, item json.RawMessage) (any, error) {
	switch {
	case args[0] == "kstatus":
		object, err := objectOf(item)
		if err != nil {
			return nil, err
		}
		result, err := status.Compute(object)
		if err != nil {
			return nil, err
		}
		return answer{Status: result.Status.String(), Message: result.Message}, nil
	case args[0] == "health" && len(args) == 2:
		object, err := objectOf(item)
		if err != nil {
			return nil, err
		}
		return health(args[1], object)
	case args[0] == "diff":
		return diff(item)
	}
	return nil, fmt.Errorf("unknown: %v", args)
}

// objectOf decodes as the clients do: whole numbers become int64, which kstatus insists on.
func objectOf(item json.RawMessage) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	return object, object.UnmarshalJSON(item)
}

func diff(item json.RawMessage) (any, error) {
	var pair struct{ Config, Live json.RawMessage }
	if err := json.Unmarshal(item, &pair); err != nil {
		return nil, err
	}
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(pair.Config, pair.Config, pair.Live)
	return json.RawMessage(patch), err
}

// health runs the script as Argo CD runs one for which useOpenLibs is not set: base, package and table only, no string,
// no io, one second (argo-cd, util/lua/lua.go).
func health(dir string, object *unstructured.Unstructured) (any, error) {
	kind := schema.FromAPIVersionAndKind(object.GetAPIVersion(), object.GetKind())
	script, err := os.ReadFile(filepath.Join(dir, kind.Group, kind.Kind, "health.lua"))
	if err != nil {
		return nil, err
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage,
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
	} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), NRet: 0, Protect: true}, lua.LString(name)); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", valueOf(state, object.Object))
	if err := state.DoString(string(script)); err != nil {
		return nil, fmt.Errorf("%s/health.lua: %w", kind.Kind, err)
	}
	result, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		return nil, fmt.Errorf("%s/health.lua: does not return a table", kind.Kind)
	}
	return answer{Status: text(result, "status"), Message: text(result, "message")}, nil
}

func text(table *lua.LTable, key string) string {
	return lua.LVAsString(table.RawGetString(key))
}

func valueOf(state *lua.LState, value any) lua.LValue {
	switch found := value.(type) {
	case bool:
		return lua.LBool(found)
	case float64:
		return lua.LNumber(found)
	case int64:
		return lua.LNumber(found)
	case string:
		return lua.LString(found)
	case []any:
		list := state.CreateTable(len(found), 0)
		for _, item := range found {
			list.Append(valueOf(state, item))
		}
		return list
	case map[string]any:
		table := state.CreateTable(0, len(found))
		for key, item := range found {
			table.RawSetH(lua.LString(key), valueOf(state, item))
		}
		return table
	}
	return lua.LNil
}

