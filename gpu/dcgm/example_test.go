package dcgm_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/evenkeel/evenkeel/gpu/dcgm"
)

func ExampleReader() {
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1f2e",modelName="NVIDIA L4"} 64`)
		fmt.Fprintln(w, `DCGM_FI_DEV_GPU_TEMP{gpu="0",UUID="GPU-1f2e",modelName="NVIDIA L4"} 58`)
	}))
	defer exporter.Close()

	reader, err := dcgm.NewReader(dcgm.Config{URL: exporter.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	all, err := reader.Read(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range all {
		fmt.Println(s.Device.Name, s.Usage.Utilization.Value, s.Usage.Temperature.Value, s.Health.Reason)
		fmt.Println("memory known:", s.Usage.MemoryUsed.Known)
	}
	// Output:
	// NVIDIA L4 0.64 58 ok
	// memory known: false
}
