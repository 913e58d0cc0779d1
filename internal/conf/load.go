package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"

	"jishan/configs"
)

const (
	envPrefix  = "JISHAN_"
	envConfig  = "JISHAN_CONFIG"
	fileSuffix = "_file"
)

// Load reads the defaults, then the file (path, else $JISHAN_CONFIG, else none), then the JISHAN_ variables. All problems
// are gathered into one *Error. Load does not judge the values together: call Check when all is set.
func Load(path string) (*Config, error) {
	if path == "" {
		path = os.Getenv(envConfig)
	}
	c := &Config{}
	l := newLoader(c)
	l.yaml("built-in default.yaml", configs.DefaultYAML)
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, &Error{Problems: []string{fmt.Sprintf("打不开配置文件 %s：%s", path, fileProblem(err))}}
		}
		l.yaml("文件 "+path, b)
	}
	l.environ(os.Environ())
	l.readFiles()
	if len(l.problems) > 0 {
		return nil, &Error{Problems: l.problems}
	}
	return c, nil
}

// Keys are all keys in the order of the struct, without the _file forms.
func Keys() []string {
	var out []string
	for _, f := range walk(reflect.ValueOf(&Config{}).Elem(), "") {
		out = append(out, f.key)
	}
	return out
}

type field struct {
	key   string
	value reflect.Value
}

func (f field) secret() bool {
	t := f.value.Type()
	return t == reflect.TypeFor[Secret]() || t == reflect.TypeFor[[]Secret]()
}

func walk(v reflect.Value, prefix string) []field {
	var out []field
	for i := range v.NumField() {
		key := prefix + v.Type().Field(i).Tag.Get("conf")
		if v.Field(i).Kind() == reflect.Struct {
			out = append(out, walk(v.Field(i), key+".")...)
			continue
		}
		out = append(out, field{key: key, value: v.Field(i)})
	}
	return out
}

func fields(c *Config) map[string]field {
	out := map[string]field{}
	for _, f := range walk(reflect.ValueOf(c).Elem(), "") {
		out[f.key] = f
	}
	return out
}

// loader lays one source over the other, straight into the struct.
type loader struct {
	fields   map[string]field
	files    map[string]fileRef // by the key of the secret; only those that no later source replaces are read
	problems []string
}

// fileRef is where a secret is to be read from, and who said so.
type fileRef struct {
	source, name, path string
}

func newLoader(c *Config) *loader {
	return &loader{fields: fields(c), files: map[string]fileRef{}}
}

func (l *loader) problem(format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf(format, args...))
}

func (l *loader) yaml(source string, b []byte) {
	k := koanf.New(".")
	if err := k.Load(rawbytes.Provider(b), yaml.Parser()); err != nil {
		l.problem("%s 不是正确的 YAML，请检查缩进和冒号：%s", source, err)
		return
	}
	l.layer(source, k.All(), func(key string) string { return key })
}

// layer sets the values of one source. name is how the source writes a key. A value given twice within one source, directly
// and as a file, is a mistake; across sources the later wins.
func (l *loader) layer(source string, values map[string]any, name func(string) string) {
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		v := values[key]
		if l.section(key) {
			if m, isMap := v.(map[string]any); v != nil && !(isMap && len(m) == 0) {
				l.problem("%s：%s 是一组设置，不能直接写值，请在它下面写，例如 %s", source, name(key), name(l.firstIn(key)))
			}
			continue
		}
		if v == nil {
			if l.known(key) {
				continue
			}
		}
		if f, ok := l.fields[key]; ok {
			delete(l.files, key)
			if err := set(f.value, v); err != nil {
				l.bad(source, name(key), f, v, err)
			}
			continue
		}
		base := strings.TrimSuffix(key, fileSuffix)
		f, ok := l.fields[base]
		if !ok || base == key || !f.secret() {
			l.problem("%s：没有 %s 这一项，是不是想写 %s？", source, name(key), name(l.nearest(key)))
			continue
		}
		if other, both := values[base]; both && other != nil {
			l.problem("%s：%s 和 %s 只能写一个", source, name(base), name(key))
			continue
		}
		path, ok := v.(string)
		if !ok || path == "" {
			l.problem("%s：%s 应是一个文件的路径", source, name(key))
			continue
		}
		l.files[base] = fileRef{source: source, name: name(key), path: path}
	}
}

func (l *loader) bad(source, name string, f field, v any, err error) {
	if f.secret() {
		l.problem("%s：%s 的值不对，%s", source, name, err)
		return
	}
	l.problem("%s：%s 的值“%v”不对，%s", source, name, v, err)
}

// readFiles sets the secrets that are given as files.
func (l *loader) readFiles() {
	keys := make([]string, 0, len(l.files))
	for key := range l.files {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		ref, f := l.files[key], l.fields[key]
		b, err := os.ReadFile(ref.path)
		if err != nil {
			l.problem("%s：%s 指定的文件 %s %s", ref.source, ref.name, ref.path, fileProblem(err))
			continue
		}
		text := strings.TrimSpace(string(b))
		if text == "" {
			l.problem("%s：%s 指定的文件 %s 是空的", ref.source, ref.name, ref.path)
			continue
		}
		if f.value.Kind() != reflect.Slice {
			f.value.SetString(text)
			continue
		}
		var lines []any
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		if err := set(f.value, lines); err != nil {
			l.bad(ref.source, ref.name, f, nil, err)
		}
	}
}

func fileProblem(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "不存在"
	case errors.Is(err, fs.ErrPermission):
		return "没有读取权限"
	}
	return "读取失败：" + err.Error()
}

// kubernetesService matches the variables that Kubernetes injects for a Service named jishan or jishan-something; they are
// not ours, and nobody can turn a typing mistake into one of them except the bare _PORT form, whose value is told apart.
var kubernetesService = regexp.MustCompile(
	`^JISHAN_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

var kubernetesPortValue = regexp.MustCompile(`^(tcp|udp|sctp)://`)

func (l *loader) environ(environ []string) {
	names := map[string]string{}
	for key, f := range l.fields {
		names[envName(key)] = key
		if f.secret() {
			names[envName(key+fileSuffix)] = key + fileSuffix
		}
	}
	values := map[string]any{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, envPrefix) || name == envConfig || value == "" {
			continue
		}
		if kubernetesService.MatchString(name) ||
			strings.HasSuffix(name, "_PORT") && kubernetesPortValue.MatchString(value) {
			continue
		}
		key, ok := names[name]
		if !ok {
			guess := strings.ToLower(strings.TrimPrefix(name, envPrefix))
			l.problem("环境变量 %s 不存在，是不是想写 %s？", name, envName(l.nearest(guess)))
			continue
		}
		values[key] = value
	}
	l.layer("环境变量", values, envName)
}

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func (l *loader) known(key string) bool {
	f, ok := l.fields[strings.TrimSuffix(key, fileSuffix)]
	return ok && (f.key == key || f.secret())
}

// section reports whether key is a group such as "http".
func (l *loader) section(key string) bool { return l.firstIn(key) != "" }

func (l *loader) firstIn(section string) string {
	first := ""
	for k := range l.fields {
		if strings.HasPrefix(k, section+".") && (first == "" || k < first) {
			first = k
		}
	}
	return first
}

// nearest is the known key with the fewest edits from key; dots and underscores count as the same, since people and
// variables mix them.
func (l *loader) nearest(key string) string {
	flat := strings.NewReplacer(".", "_", "-", "_")
	var all []string
	for k, f := range l.fields {
		all = append(all, k)
		if f.secret() {
			all = append(all, k+fileSuffix)
		}
	}
	slices.Sort(all)
	best, bestDist := "", -1
	want := flat.Replace(strings.ToLower(key))
	for _, k := range all {
		if d := distance(want, flat.Replace(k)); bestDist < 0 || d < bestDist {
			best, bestDist = k, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			next := min(row[j]+1, row[j+1]+1, diag+cost)
			diag, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
