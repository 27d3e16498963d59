return { status = "Healthy", message = "a page of " .. (obj.spec.record or obj.spec.library or "an inventory") }
