// Command schema writes the descriptors of the Envoy v3 API as one FileDescriptorSet.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "cel.dev/expr"
	_ "github.com/cncf/xds/go/udpa/annotations"
	_ "github.com/envoyproxy/go-control-plane/envoy/annotations"
	_ "github.com/envoyproxy/protoc-gen-validate/validate"
	_ "github.com/prometheus/client_model/go"
	_ "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	_ "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	_ "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	_ "google.golang.org/genproto/googleapis/api/annotations"
	_ "google.golang.org/genproto/googleapis/api/expr/v1alpha1"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

func main() {
	out := flag.String("out", "", "file to write")
	flag.Parse()
	files := map[string]*descriptorpb.FileDescriptorProto{}
	for _, m := range []string{"github.com/envoyproxy/go-control-plane/envoy", "github.com/cncf/xds/go"} {
		readModule(moduleDir(m), files)
	}
	var names []string
	wanted := regexp.MustCompile(`^(envoy/.*/v3/|xds/|udpa/)`)
	for n := range files {
		if wanted.MatchString(n) {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	set := &descriptorpb.FileDescriptorSet{}
	seen := map[string]bool{}
	var visit func(string)
	visit = func(n string) {
		if seen[n] {
			return
		}
		seen[n] = true
		f := files[n]
		if f == nil {
			d, err := protoregistry.GlobalFiles.FindFileByPath(n)
			if err != nil {
				log.Fatalf("%s: %v", n, err)
			}
			f = protodesc.ToFileDescriptorProto(d)
		}
		for _, dep := range f.Dependency {
			visit(dep)
		}
		set.File = append(set.File, f)
	}
	for _, n := range names {
		visit(n)
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, b, 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Fprintf(os.Stderr, "%d files, %d bytes\n", len(set.File), len(b))
	_ = protoreflect.Name("")
}

func moduleDir(path string) string {
	b, err := exec.Command("go", "list", "-m", "-json", path).Output()
	if err != nil {
		log.Fatal(err)
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(b, &m); err != nil {
		log.Fatal(err)
	}
	return m.Dir
}

func readModule(dir string, files map[string]*descriptorpb.FileDescriptorProto) {
	err := filepath.Walk(dir, func(p string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() || !strings.HasSuffix(p, ".pb.go") {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range syntax.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range g.Specs {
				v, ok := s.(*ast.ValueSpec)
				if !ok || len(v.Names) != 1 || !strings.HasSuffix(v.Names[0].Name, "_rawDesc") || len(v.Values) != 1 {
					continue
				}
				raw, ok := text(v.Values[0])
				if !ok {
					log.Printf("not a string: %s", p)
					continue
				}
				f := &descriptorpb.FileDescriptorProto{}
				if err := proto.Unmarshal([]byte(raw), f); err != nil {
					return err
				}
				files[f.GetName()] = f
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
}

func text(e ast.Expr) (string, bool) {
	switch x := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(x.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		a, ok1 := text(x.X)
		b, ok2 := text(x.Y)
		return a + b, ok1 && ok2
	case *ast.ParenExpr:
		return text(x.X)
	}
	return "", false
}
